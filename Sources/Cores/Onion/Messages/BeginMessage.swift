internal import Ambience
internal import Bytes

/// BEGIN: open a TCP connection to a host (tor-spec "Opening streams and transferring data").
package struct BeginMessage: Equatable, Sendable {
    /// What the client says about address families.
    package enum Flags {
        package static let ipv6Allowed: UInt32 = 1
        package static let ipv4Refused: UInt32 = 2
        package static let ipv6Preferred: UInt32 = 4
    }

    /// A name or an address in text; an IPv6 address without its brackets.
    package var host: String
    package var port: UInt16
    package var flags: UInt32

    package init(host: String, port: UInt16, flags: UInt32) {
        self.host = host
        self.port = port
        self.flags = flags
    }

    package init(_ body: [UInt8]) throws(MessageError) {
        self = try ByteReader.message(body) { reader in
            let text = try reader.bytes(until: 0)
            let flags = reader.remaining >= 4 ? try reader.u32() : 0
            guard let colon = text.lastIndex(of: UInt8(ascii: ":")) else { throw MessageError.badText }
            let port = try MessageText.port(text[(colon + 1)...])
            return BeginMessage(host: try Self.host(text[..<colon]), port: port, flags: flags)
        }
    }

    /// Flags are left out when there are none, as stock does.
    package var encoded: [UInt8] {
        var writer = ByteWriter()
        writer.append(host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)")
        writer.u8(0)
        if flags != 0 { writer.u32(flags) }
        return writer.bytes
    }

    private static func host(_ text: ArraySlice<UInt8>) throws(MessageError) -> String {
        let name = try MessageText.name(text)
        if name.hasPrefix("["), name.hasSuffix("]") {
            guard let address = IPAddress(name.dropFirst().dropLast()), !address.isIPv4 else { throw .badAddress }
            return address.description
        }
        guard !name.contains(where: { $0 == "[" || $0 == "]" || $0 == ":" }) else { throw .badText }
        return name
    }
}
