internal import Bytes

/// What the two ends of an ntor v3 handshake agree on beside keys: the encrypted list of extensions that each sends
/// (tor-spec "Handshake extensions").
package struct CircuitExtensions: Equatable, Sendable {
    private enum Kind {
        static let congestionControlRequest: UInt8 = 1
        static let congestionControlResponse: UInt8 = 2
        static let subprotocolRequest: UInt8 = 3
    }

    /// The client asks for congestion control.
    package var wantsCongestionControl = false
    /// The relay grants it: a SENDME for every so many DATA cells.
    package var sendmeIncrement: UInt8?
    /// The client asks for subprotocol versions that must work on this circuit.
    package var requestsSubprotocols = false

    package init(wantsCongestionControl: Bool = false, sendmeIncrement: UInt8? = nil) {
        self.wantsCongestionControl = wantsCongestionControl
        self.sendmeIncrement = sendmeIncrement
    }

    /// The list is at most as long as its count byte says, types ascend and none comes twice. Unknown types and bytes behind
    /// the list are for versions to come.
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
        case Kind.subprotocolRequest: requestsSubprotocols = true
        default: break
        }
    }

    package var encoded: [UInt8] {
        var fields: [[UInt8]] = []
        if wantsCongestionControl { fields.append([Kind.congestionControlRequest, 0]) }
        if let sendmeIncrement { fields.append([Kind.congestionControlResponse, 1, sendmeIncrement]) }
        return [UInt8(truncatingIfNeeded: fields.count)] + fields.joined()
    }
}
