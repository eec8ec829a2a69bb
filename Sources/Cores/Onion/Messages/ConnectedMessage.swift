package import Ambience
internal import Bytes

/// CONNECTED: the stream is open (tor-spec "Opening streams and transferring data").
package struct ConnectedMessage: Equatable, Sendable {
    /// Where the exit connected to; `nil` for a directory stream.
    package var address: IPAddress?
    /// How long the name may be taken for this address; 0 when nothing was said.
    package var ttlSeconds: UInt32

    package init(address: IPAddress?, ttlSeconds: UInt32) {
        self.address = address
        self.ttlSeconds = ttlSeconds
    }

    package init(_ body: [UInt8]) throws(MessageError) {
        guard !body.isEmpty else {
            self.init(address: nil, ttlSeconds: 0)
            return
        }
        self = try ByteReader.message(body) { reader in
            let first = try reader.bytes(4)
            // A zero IPv4 address announces an IPv6 one.
            let isIPv6 = first == [0, 0, 0, 0]
            if isIPv6, try reader.u8() != 6 { throw MessageError.badAddress }
            let address = IPAddress(bytes: isIPv6 ? try reader.bytes(16) : first)
            return ConnectedMessage(address: address, ttlSeconds: reader.remaining >= 4 ? try reader.u32() : 0)
        }
    }

    package var encoded: [UInt8] {
        guard let address else { return [] }
        var writer = ByteWriter()
        if !address.isIPv4 {
            writer.u32(0)
            writer.u8(6)
        }
        writer.append(address.bytes)
        writer.u32(ttlSeconds)
        return writer.bytes
    }
}
