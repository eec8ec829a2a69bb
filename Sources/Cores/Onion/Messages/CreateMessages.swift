internal import Bytes

/// Which circuit handshake a CREATE2 or EXTEND2 carries (tor-spec "CREATE and CREATED cells").
package enum HandshakeType {
    package static let tap: UInt16 = 0
    package static let ntor: UInt16 = 2
    package static let ntorV3: UInt16 = 3
}

/// CREATE2: the body of the cell, without its zero padding (tor-spec "CREATE and CREATED cells").
package struct Create2Message: Equatable, Sendable {
    package var handshakeType: UInt16
    package var handshake: [UInt8]

    package init(handshakeType: UInt16, handshake: [UInt8]) {
        self.handshakeType = handshakeType
        self.handshake = handshake
    }

    /// Bytes behind the handshake are padding.
    package init(_ body: [UInt8]) throws(MessageError) {
        self = try ByteReader.message(body) { reader in
            let type = try reader.u16()
            return Create2Message(handshakeType: type, handshake: try reader.bytes(Int(try reader.u16())))
        }
    }

    package var encoded: [UInt8] {
        var writer = ByteWriter(capacity: 4 + handshake.count)
        writer.u16(handshakeType)
        writer.u16(UInt16(clamping: handshake.count))
        writer.append(handshake)
        return writer.bytes
    }
}

/// CREATED2, and the same bytes as EXTENDED2 (tor-spec "CREATE and CREATED cells").
package struct Created2Message: Equatable, Sendable {
    /// What still fits an EXTENDED2: a cell body is eleven bytes longer than a relay message, so a CREATED2 could
    /// carry an answer that cannot be passed on.
    package static let handshakeLimitBytes = CellLayout.relayDataBytes - 2

    package var handshake: [UInt8]

    package init(handshake: [UInt8]) { self.handshake = handshake }

    /// Bytes behind the handshake are padding.
    package init(_ body: [UInt8]) throws(MessageError) {
        handshake = try ByteReader.message(body) { reader in
            let count = Int(try reader.u16())
            guard count <= Self.handshakeLimitBytes else { throw MessageError.badLength }
            return try reader.bytes(count)
        }
    }

    package var encoded: [UInt8] {
        var writer = ByteWriter(capacity: 2 + handshake.count)
        writer.u16(UInt16(clamping: handshake.count))
        writer.append(handshake)
        return writer.bytes
    }
}
