package import Ambience
internal import Bytes

/// NETINFO: what each side of a link takes for the time and the addresses (tor-spec "NETINFO cells").
package struct NetinfoMessage: Equatable, Sendable {
    private static let ipv4: UInt8 = 4
    private static let ipv6: UInt8 = 6
    /// Own addresses that are looked at; more are skipped.
    package static let addressLimit = 16

    /// Seconds since 1970, 0 from clients: they do not tell their clock.
    package var seconds: UInt32
    /// The address the sender sees its peer at; `nil` when it is of a kind we do not know.
    package var other: IPAddress?
    package var own: [IPAddress]

    package init(seconds: UInt32, other: IPAddress?, own: [IPAddress]) {
        self.seconds = seconds
        self.other = other
        self.own = own
    }

    package init(_ body: [UInt8]) throws(MessageError) {
        self = try ByteReader.message(body) { reader in
            let seconds = try reader.u32()
            let other = try Self.address(&reader)
            var own: [IPAddress] = []
            for _ in 0..<(try reader.u8()) {
                guard let address = try Self.address(&reader), own.count < Self.addressLimit else { continue }
                own.append(address)
            }
            return NetinfoMessage(seconds: seconds, other: other, own: own)
        }
    }

    /// Without zero padding. An unknown `other` is written as 0.0.0.0.
    package var encoded: [UInt8] {
        var writer = ByteWriter()
        writer.u32(seconds)
        Self.append(other ?? .v4(0), &writer)
        writer.u8(UInt8(min(own.count, Self.addressLimit)))
        for address in own.prefix(Self.addressLimit) { Self.append(address, &writer) }
        return writer.bytes
    }

    private static func address(_ reader: inout ByteReader) throws(ByteError) -> IPAddress? {
        let type = try reader.u8()
        let value = try reader.bytes(Int(try reader.u8()))
        guard let address = IPAddress(bytes: value), type == (address.isIPv4 ? ipv4 : ipv6) else { return nil }
        return address
    }

    private static func append(_ address: IPAddress, _ writer: inout ByteWriter) {
        writer.u8(address.isIPv4 ? ipv4 : ipv6)
        writer.u8(UInt8(address.bytes.count))
        writer.append(address.bytes)
    }
}
