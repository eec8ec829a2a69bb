/// What a list of letters shows of one, on one line each.
package struct LetterSummary: Hashable, Sendable {
    package let from: String
    package let subject: String

    package init(_ bytes: [UInt8]) {
        let header = MailPart(bytes).header
        from = Self.line(header["from"])
        subject = Self.line(header["subject"])
    }

    /// Nothing in a letter is to steer a terminal.
    private static func line(_ value: [UInt8]?) -> String {
        String(String.UnicodeScalarView(MailText.header(value ?? []).unicodeScalars.filter { $0.value >= 32 && !(0x7F..<0xA0).contains($0.value) }))
    }
}
