internal import Bytes
package import Sealing

/// What the two ends of an ntor v3 handshake agree on beside keys: the encrypted list of extensions that each sends
/// (tor-spec "Handshake extensions").
package struct CircuitExtensions: Equatable, Sendable {
    private enum Kind {
        static let congestionControlRequest: UInt8 = 1
        static let congestionControlResponse: UInt8 = 2
        static let subprotocolRequest: UInt8 = 3
    }

    /// Relay=6, as a subprotocol request names it: the only one that can be asked for (tor-spec "Subprotocol Request").
    private static let counterGalois: [UInt8] = [2, 6]

    /// The client asks for congestion control.
    package var wantsCongestionControl: Bool
    /// The relay grants it: a SENDME for every so many DATA cells.
    package var sendmeIncrement: UInt8?
    /// The relay crypto that the client asks for.
    package var crypto: RelayCrypto

    package init(wantsCongestionControl: Bool = false, sendmeIncrement: UInt8? = nil, crypto: RelayCrypto = .tor1) {
        self.wantsCongestionControl = wantsCongestionControl
        self.sendmeIncrement = sendmeIncrement
        self.crypto = crypto
    }

    /// The list is at most as long as its count byte says, types ascend and none comes twice. Unknown types and bytes behind
    /// the list are for versions to come; an unknown subprotocol must not be passed over, because it must work if it is asked for.
    package init(_ message: [UInt8]) throws(MessageError) {
        self = try ByteReader.message(message) { reader in
            var extensions = CircuitExtensions()
            var previous = -1
            for _ in 0..<(try reader.u8()) {
                let kind = try reader.u8()
                guard Int(kind) > previous else { throw MessageError.duplicate }
                previous = Int(kind)
                try extensions.take(kind, try reader.bytes(Int(try reader.u8())))
            }
            return extensions
        }
    }

    private mutating func take(_ kind: UInt8, _ value: [UInt8]) throws(MessageError) {
        switch kind {
        case Kind.congestionControlRequest: wantsCongestionControl = true
        case Kind.congestionControlResponse:
            guard value.count == 1, value[0] > 0 else { throw .badLength }
            sendmeIncrement = value[0]
        case Kind.subprotocolRequest:
            // A list of pairs in strict order, which for one that may stand in it means: none or that one.
            guard value.isEmpty || value == Self.counterGalois else { throw .unsupportedVersion }
            if !value.isEmpty { crypto = .counterGalois }
        default: break
        }
    }

    package var encoded: [UInt8] {
        var fields: [[UInt8]] = []
        if wantsCongestionControl { fields.append([Kind.congestionControlRequest, 0]) }
        if let sendmeIncrement { fields.append([Kind.congestionControlResponse, 1, sendmeIncrement]) }
        if crypto == .counterGalois { fields.append([Kind.subprotocolRequest, 2] + Self.counterGalois) }
        return [UInt8(truncatingIfNeeded: fields.count)] + fields.joined()
    }
}
