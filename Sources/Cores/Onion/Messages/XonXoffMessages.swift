internal import Bytes

/// XOFF: stop sending on this stream (proposal 324, section 4).
package struct XoffMessage: Equatable, Sendable {
    package init() {}

    package init(_ body: [UInt8]) throws(MessageError) {
        self = try ByteReader.message(body) { reader in
            guard try reader.u8() == 0 else { throw MessageError.unsupportedVersion }
            return XoffMessage()
        }
    }

    package var encoded: [UInt8] { [0] }
}

/// XON: send on this stream, no faster than told (proposal 324, section 4).
package struct XonMessage: Equatable, Sendable {
    /// In units of 1000 bytes per second; 0 is no limit.
    package var rateKilobytesPerSecond: UInt32

    package init(rateKilobytesPerSecond: UInt32) { self.rateKilobytesPerSecond = rateKilobytesPerSecond }

    package init(_ body: [UInt8]) throws(MessageError) {
        self = try ByteReader.message(body) { reader in
            guard try reader.u8() == 0 else { throw MessageError.unsupportedVersion }
            return XonMessage(rateKilobytesPerSecond: try reader.u32())
        }
    }

    package var encoded: [UInt8] {
        var writer = ByteWriter(capacity: 5)
        writer.u8(0)
        writer.u32(rateKilobytesPerSecond)
        return writer.bytes
    }
}
