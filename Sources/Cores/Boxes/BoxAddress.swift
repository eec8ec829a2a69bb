internal import Sealing

/// Where letters to somebody's mailbox in the cloud go: any name, at a domain that is the owner's key.
///
///     NAME@KEY.dust.alt
///
/// KEY is 56 letters of base 32 (RFC 4648, section 6, in lower case): the X25519 key (32 bytes), a checksum (2) and a version (1), as
/// addresses of onion services have them. Names below `.alt` are never looked up in the DNS (RFC 9476): what goes astray tells no resolver whom.
package struct BoxAddress: Hashable, Sendable {
    package static let suffix = ".dust.alt"
    private static let version: UInt8 = 1
    private static let digits = 56

    /// 32 bytes: the owner's X25519 key.
    package let key: [UInt8]

    /// `nil` unless there are 32 bytes.
    package init?(key: [UInt8]) {
        guard key.count == Curve25519Key.bytes else { return nil }
        self.key = key
    }

    /// Reads a domain, in whatever case; `nil` for another's, or one with a slip of the pen.
    package init?(domain: some StringProtocol) {
        let text = domain.lowercased()
        guard text.hasSuffix(Self.suffix), let bytes = Base32.decode(text.dropLast(Self.suffix.utf8.count)), bytes.count == Self.digits * 5 / 8,
            bytes[34] == Self.version, Array(bytes[32..<34]) == Self.checksum(Array(bytes[..<32]))
        else { return nil }
        key = Array(bytes[..<32])
    }

    /// Reads `NAME@KEY.dust.alt`; the name is not looked at.
    package init?(mailbox: some StringProtocol) {
        guard let sign = mailbox.lastIndex(of: "@"), sign != mailbox.startIndex else { return nil }
        self.init(domain: mailbox[mailbox.index(after: sign)...])
    }

    package var domain: String { Base32.encode(key + Self.checksum(key) + [Self.version]) + Self.suffix }

    private static func checksum(_ key: [UInt8]) -> [UInt8] { Array(Digest.sha256(Array("dust-box address".utf8) + key + [version]).prefix(2)) }
}

/// RFC 4648, section 6, in lower case and without padding; only whole groups of eight letters.
enum Base32 {
    private static let letters = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)

    /// A multiple of five bytes.
    static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 5) {
            let group = bytes[start..<start + 5].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            text += (0..<8).map { letters[Int(group >> UInt64(35 - 5 * $0)) & 31] }
        }
        return String(decoding: text, as: UTF8.self)
    }

    static func decode(_ text: some StringProtocol) -> [UInt8]? {
        let values = text.utf8.map { letters.firstIndex(of: $0) }
        guard values.count % 8 == 0, !values.contains(nil) else { return nil }
        return stride(from: 0, to: values.count, by: 8).flatMap { start in
            let group = values[start..<start + 8].reduce(UInt64(0)) { $0 << 5 | UInt64($1 ?? 0) }
            return (0..<5).map { UInt8(truncatingIfNeeded: group >> UInt64(32 - 8 * $0)) }
        }
    }
}
