package import Sealing

/// One letter for some recipients who are reached the same way.
package struct OutgoingMail: Sendable {
    /// Without brackets; empty for the null path.
    package var reversePath: String
    package var recipients: [String]
    /// Header and body with CRLF line ends.
    package var content: [UInt8]
    /// An address or a header is not ASCII.
    package var needsUTF8: Bool

    package init(reversePath: String, recipients: [String], content: [UInt8], needsUTF8: Bool) {
        (self.reversePath, self.recipients, self.content, self.needsUTF8) = (reversePath, recipients, content, needsUTF8)
    }

    /// Nothing in it can be taken for the end of data or for a command by anybody: no NUL, no lone CR or LF, no line over 998 bytes; and it ends a line.
    package var isCanonical: Bool {
        guard content.suffix(2) == [0x0D, 0x0A], ([reversePath] + recipients).allSatisfy(Self.isSafePath) else { return false }
        var lineBytes = 0
        for (index, byte) in content.enumerated() {
            switch byte {
            case 0: return false
            case 0x0D where index + 1 == content.count || content[index + 1] != 0x0A: return false
            case 0x0A where index == 0 || content[index - 1] != 0x0D: return false
            case 0x0A: lineBytes = 0
            default: lineBytes += 1
            }
            if lineBytes > 999 { return false }
        }
        return true
    }

    package var isEightBit: Bool { content.contains { $0 >= 0x80 } }

    private static func isSafePath(_ path: String) -> Bool { path.utf8.count <= 256 && path.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F } }
}

/// Name and password at a server that takes letters for everywhere from those it knows.
package struct SMTPLogin: Sendable {
    package let name: String
    package let password: SecretBytes

    package init(name: String, password: SecretBytes) { (self.name, self.password) = (name, password) }
}
