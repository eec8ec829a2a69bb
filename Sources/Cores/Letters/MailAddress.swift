/// Where mail goes or comes from (RFC 5321, section 4.1.2): bytes that fit into a command without being able to end it.
package struct MailAddress: Hashable, Sendable, CustomStringConvertible {
    /// Octets (RFC 5321, section 4.5.3.1).
    package static let localLimit = 64
    package static let domainLimit = 255
    package static let pathLimit = 254

    /// Without quotes or backslashes, however it was written.
    package let local: String
    /// A name in lower case, or an address literal in brackets.
    package let domain: String

    /// `nil` unless both parts can be written in a path.
    package init?(local: String, domain: String) {
        let domain = domain.asciiLowercased
        guard !local.isEmpty, local.utf8.count <= Self.localLimit, local.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F && !(0x80..<0xA0).contains($0.value) }),
            Self.isDomain(domain), local.utf8.count + domain.utf8.count < Self.pathLimit
        else { return nil }
        (self.local, self.domain) = (local, domain)
    }

    /// Reads `local@domain` with nothing around it, the local part quoted or not.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard let at = bytes.lastIndex(of: 0x40), let local = Self.unquoted(bytes[..<at]), let domain = String(validating: bytes[(at + 1)...], as: UTF8.self) else { return nil }
        self.init(local: local, domain: domain)
    }

    /// Whether it can only be said to servers with SMTPUTF8 (RFC 6531).
    package var isInternational: Bool { !local.utf8.allSatisfy { $0 < 0x80 } || !domain.utf8.allSatisfy { $0 < 0x80 } }

    /// As it stands in a path, quoted only where it must be.
    package var description: String { "\(Self.isDotString(local) ? local : Self.quoted(local))@\(domain)" }

    private static func isDotString(_ local: String) -> Bool {
        local.utf8.split(separator: 0x2E, omittingEmptySubsequences: false).allSatisfy { !$0.isEmpty && $0.allSatisfy(isAtomByte) }
    }

    /// RFC 5322's atext, and everything beyond ASCII.
    static func isAtomByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x80...: true
        default: "!#$%&'*+-/=?^_`{|}~".utf8.contains(byte)
        }
    }

    static func quoted(_ text: String) -> String {
        "\"" + text.unicodeScalars.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : "\($0)" }.joined() + "\""
    }

    private static func unquoted(_ bytes: ArraySlice<UInt8>) -> String? {
        guard bytes.first == 0x22 else {
            let text = String(validating: bytes, as: UTF8.self)
            return text.flatMap { isDotString($0) ? $0 : nil }
        }
        guard bytes.count >= 2, bytes.last == 0x22 else { return nil }
        var out: [UInt8] = [], isEscaped = false
        for byte in bytes.dropFirst().dropLast() {
            if !isEscaped, byte == 0x5C { isEscaped = true; continue }
            guard isEscaped || byte != 0x22 else { return nil }
            out.append(byte)
            isEscaped = false
        }
        return isEscaped ? nil : String(validating: out, as: UTF8.self)
    }

    private static func isDomain(_ domain: String) -> Bool {
        guard !domain.isEmpty, domain.utf8.count <= domainLimit else { return false }
        if domain.hasPrefix("[") { return domain.hasSuffix("]") && domain.utf8.dropFirst().dropLast().allSatisfy { $0 == 0x2E || $0 == 0x3A || isNameByte($0) && $0 < 0x80 } && domain.utf8.count > 2 }
        return domain.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
            (1...63).contains(label.utf8.count) && label.utf8.first != 0x2D && label.utf8.last != 0x2D && label.utf8.allSatisfy(isNameByte)
                && label.unicodeScalars.allSatisfy { !(0x80..<0xA1).contains($0.value) }
        }
    }

    /// Underscores are no host name's, yet some domains with mail have them.
    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F, 0x80...: true
        default: false
        }
    }
}

extension String {
    /// ASCII's capital letters only: what lies beyond is left as it was written.
    package var asciiLowercased: String { String(decoding: utf8.map { (0x41...0x5A).contains($0) ? $0 + 0x20 : $0 }, as: UTF8.self) }
}
