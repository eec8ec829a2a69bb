/// An IPv4 or IPv6 address without a port, as bytes in network order.
package enum IPAddress: Hashable, Sendable {
    case v4(UInt32)
    /// High and low halves.
    case v6(UInt64, UInt64)

    /// Exactly 4 or 16 bytes, else `nil`.
    package init?(bytes: some Collection<UInt8>) {
        func number<I: FixedWidthInteger>(_ part: some Sequence<UInt8>) -> I { part.reduce(0) { $0 << 8 | I($1) } }
        switch bytes.count {
        case 4: self = .v4(number(bytes))
        case 16: self = .v6(number(bytes.prefix(8)), number(bytes.dropFirst(8)))
        default: return nil
        }
    }

    package var bytes: [UInt8] {
        func bytes<I: FixedWidthInteger>(_ value: I) -> [UInt8] {
            stride(from: I.bitWidth - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: value >> I($0)) }
        }
        switch self {
        case .v4(let value): return bytes(value)
        case .v6(let high, let low): return bytes(high) + bytes(low)
        }
    }

    package var isIPv4: Bool { if case .v4 = self { true } else { false } }

    /// Loopback, link-local, private-use, unspecified and multicast networks: nothing that the public internet routes.
    package var isPrivate: Bool {
        switch self {
        case .v4(let value):
            [(0x0000_0000, 8), (0x0A00_0000, 8), (0x7F00_0000, 8), (0xA9FE_0000, 16), (0xAC10_0000, 12), (0xC0A8_0000, 16), (0xE000_0000, 4)]
                .contains { (network: UInt32, bits: UInt32) in value >> (32 - bits) == network >> (32 - bits) }
        case .v6(let high, let low):
            high == 0 && low <= 1 || high >> 57 == 0xFC >> 1 || high >> 54 == 0xFE80 >> 6 || high >> 54 == 0xFEC0 >> 6 || high >> 56 == 0xFF
                || high == 0 && low >> 32 == 0xFFFF
        }
    }
}

extension IPAddress: CustomStringConvertible {
    package var description: String {
        switch self {
        case .v4(let value): "\(value >> 24).\(value >> 16 & 255).\(value >> 8 & 255).\(value & 255)"
        case .v6: Self.text(groups: stride(from: 0, to: 16, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) })
        }
    }

    /// Dotted quad or RFC 4291 text, without brackets or zone.
    package init?(_ text: some StringProtocol) {
        if text.contains(":") { self.init(ipv6: String(text)) } else { self.init(ipv4: text) }
    }

    private init?(ipv4 text: some StringProtocol) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var value: UInt32 = 0
        for part in parts {
            guard !part.isEmpty, part.utf8.count <= 3, part.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let octet = UInt8(part) else { return nil }
            value = value << 8 | UInt32(octet)
        }
        self = .v4(value)
    }

    private init?(ipv6 text: String) {
        let halves = text.split(separator: "::", omittingEmptySubsequences: false)
        guard halves.count <= 2, let head = Self.groups(halves[0], mayEndInIPv4: halves.count == 1),
            let tail = halves.count == 2 ? Self.groups(halves[1], mayEndInIPv4: true) : []
        else { return nil }
        let missing = 8 - head.count - tail.count
        guard halves.count == 2 ? missing >= 1 : missing == 0 else { return nil }
        let groups = head + [UInt16](repeating: 0, count: missing) + tail
        self.init(bytes: groups.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] })
    }

    private static func groups(_ text: Substring, mayEndInIPv4: Bool) -> [UInt16]? {
        guard !text.isEmpty else { return [] }
        var groups: [UInt16] = []
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if mayEndInIPv4, index == parts.count - 1, part.contains(".") {
                guard case .v4(let value)? = IPAddress(ipv4: part) else { return nil }
                groups += [UInt16(value >> 16), UInt16(value & 0xFFFF)]
            } else {
                guard (1...4).contains(part.utf8.count), part.utf8.allSatisfy(isHexDigit), let group = UInt16(part, radix: 16) else { return nil }
                groups.append(group)
            }
        }
        return groups
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x46).contains(byte) || (0x61...0x66).contains(byte)
    }

    /// RFC 5952: lower case, the first longest run of two or more zero groups becomes `::`.
    private static func text(groups: [UInt16]) -> String {
        var best = 0..<0
        var start = 0
        for index in 0...8 where index == 8 || groups[index] != 0 {
            if index - start > max(best.count, 1) { best = start..<index }
            start = index + 1
        }
        func join(_ part: ArraySlice<UInt16>) -> String { part.map { String($0, radix: 16) }.joined(separator: ":") }
        return best.isEmpty ? join(groups[...]) : join(groups[..<best.lowerBound]) + "::" + join(groups[best.upperBound...])
    }
}

/// An address and a TCP port.
package struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
    package var ip: IPAddress
    package var port: UInt16

    package init(ip: IPAddress, port: UInt16) {
        self.ip = ip
        self.port = port
    }

    /// `1.2.3.4:80` or `[::1]:80`.
    package init?(_ text: some StringProtocol) {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let digits = text[text.index(after: colon)...]
        guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = UInt16(digits) else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() } else if host.contains(":") { return nil }
        guard let ip = IPAddress(host) else { return nil }
        self.init(ip: ip, port: port)
    }

    package var description: String { ip.isIPv4 ? "\(ip):\(port)" : "[\(ip)]:\(port)" }
}
