package import Ambience
internal import Bytes

/// END: the stream is over (tor-spec "Closing streams").
package struct EndMessage: Equatable, Sendable {
    package var reason: EndReason
    /// With `.exitPolicy`: the address that the policy refused.
    package var address: IPAddress?
    /// With `.exitPolicy`: how long the name may be taken for that address.
    package var ttlSeconds: UInt32?

    package init(reason: EndReason, address: IPAddress? = nil, ttlSeconds: UInt32? = nil) {
        self.reason = reason
        self.address = address
        self.ttlSeconds = ttlSeconds
    }

    /// Nothing is refused: an empty body or an unknown reason is `.misc`, a strange address is left out. The stream is over either way.
    package init(_ body: [UInt8]) throws(MessageError) {
        self.init(reason: body.first.flatMap(EndReason.init(rawValue:)) ?? .misc)
        guard reason == .exitPolicy else { return }
        let rest = body.dropFirst()
        let addressBytes = rest.count >= 16 ? 16 : 4
        address = IPAddress(bytes: rest.prefix(addressBytes))
        let ttl = rest.dropFirst(addressBytes).prefix(4)
        if ttl.count == 4 { ttlSeconds = ttl.reduce(0) { $0 << 8 | UInt32($1) } }
    }

    package var encoded: [UInt8] {
        var writer = ByteWriter()
        writer.u8(reason.rawValue)
        guard reason == .exitPolicy, let address else { return writer.bytes }
        writer.append(address.bytes)
        writer.u32(ttlSeconds ?? 0)
        return writer.bytes
    }
}
