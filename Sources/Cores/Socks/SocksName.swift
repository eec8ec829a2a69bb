internal import Ambience

/// Host names as applications write them.
package enum SocksName {
    /// The target that the text means: a literal address (IPv6 with or without brackets) or a name. `nil` when it can be neither.
    package static func target(_ text: [UInt8]) -> SocksTarget? {
        guard !text.isEmpty, text.count <= SocksLayout.nameLimitBytes, text.allSatisfy({ $0 < 0x80 }) else { return nil }
        let name = String(decoding: text, as: UTF8.self)
        if let ip = IPAddress(name) { return .address(ip) }
        if name.hasPrefix("["), name.hasSuffix("]") { return bracketed(name) }
        return plain(text)
    }

    private static func bracketed(_ name: String) -> SocksTarget? {
        guard let ip = IPAddress(name.dropFirst().dropLast()), !ip.isIPv4 else { return nil }
        return .address(ip)
    }

    private static func plain(_ text: [UInt8]) -> SocksTarget? {
        let dot = UInt8(ascii: ".")
        let body = text.last == dot ? text.dropLast() : text[...]
        let labels = body.split(separator: dot, omittingEmptySubsequences: false)
        guard labels.allSatisfy({ isLabel($0) }) else { return nil }
        return .name(String(decoding: body, as: UTF8.self).lowercased())
    }

    /// Underscores are no part of RFC 952, but names in use have them.
    private static func isLabel(_ label: ArraySlice<UInt8>) -> Bool {
        guard let first = label.first, first != UInt8(ascii: "-") else { return false }
        return label.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"): true
            default: false
            }
        }
    }
}
