/// What a server says: a code, what RFC 3463 calls it, and words for people.
package struct SMTPReply: Error, Hashable, Sendable {
    package let code: Int
    /// Empty for the replies that have none (RFC 2034, section 4).
    package let status: String
    package let text: String

    package init(_ code: Int, _ status: String, _ text: String) { (self.code, self.status, self.text) = (code, status, text) }

    var isError: Bool { code >= 400 }
    var bytes: [UInt8] { Array("\(code) \(status)\(status.isEmpty ? "" : " ")\(text)\r\n".utf8) }

    static func several(_ code: Int, _ lines: [String]) -> [UInt8] {
        lines.enumerated().flatMap { Array("\(code)\($0.offset == lines.count - 1 ? " " : "-")\($0.element)\r\n".utf8) }
    }

    static let order = SMTPReply(503, "5.5.1", "not now: the order of commands is EHLO, MAIL, RCPT, DATA")
    static let syntax = SMTPReply(501, "5.5.4", "cannot read that parameter")
    static let unknown = SMTPReply(500, "5.5.2", "no such command")
    static let early = SMTPReply(554, "5.5.0", "something came before my reply to that command")
    static let bare = SMTPReply(554, "5.6.0", "a line must end in CR LF, and CR, LF and NUL may not stand elsewhere")
    static let longCommand = SMTPReply(500, "5.5.2", "that line is too long")
    static let longLine = SMTPReply(554, "5.6.0", "the letter has a line of more than \(Message.lineLimit) bytes")
    static let tooMuch = SMTPReply(552, "5.3.4", "the letter is larger than SIZE says")
    static let noMemory = SMTPReply(452, "4.3.1", "too many letters are on their way in; try again soon")
    package static let noRoom = SMTPReply(452, "4.3.1", "the spool is full; try again later")
    package static let failed = SMTPReply(451, "4.3.0", "the letter could not be written to disk; try again later")
}
