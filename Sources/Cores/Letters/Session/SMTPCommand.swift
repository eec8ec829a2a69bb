/// A command line, read but not yet judged.
enum SMTPCommand: Equatable {
    case hello(isExtended: Bool)
    case mail(MailCommand)
    case recipient(Recipient)
    case data
    case chunk(bytes: Int, isLast: Bool)
    case reset, noop, quit, help, verify, startTLS
    case authenticate(mechanism: String, initial: String?)

    struct MailCommand: Equatable {
        var sender: MailAddress?
        var size = 0
        var isInternational = false
        var returnsAll = false
    }

    /// - Parameter isInternational: the transaction has SMTPUTF8, so addresses may be UTF-8.
    init(_ line: ArraySlice<UInt8>, isInternational: Bool) throws(SMTPReply) {
        guard let text = String(validating: line, as: UTF8.self), text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }) else {
            throw SMTPReply(500, "5.5.2", "commands are printable text")
        }
        let end = text.firstIndex(of: " ") ?? text.endIndex
        let verb = String(text[..<end]).asciiLowercased, rest = text[end...].drop { $0 == " " }
        switch verb {
        case "ehlo", "helo":
            guard !rest.isEmpty, rest.utf8.count <= 255, rest.utf8.allSatisfy({ $0 < 0x80 }) else { throw SMTPReply(501, "5.5.4", "say \(verb.uppercased()) and a name") }
            self = .hello(isExtended: verb == "ehlo")
        case "mail": self = .mail(try Self.mail(rest))
        case "rcpt": self = .recipient(try Self.recipient(rest, isInternational: isInternational))
        case "bdat": self = try Self.chunk(rest)
        case "auth": self = try Self.authentication(rest)
        case "noop": self = .noop
        case "help": self = .help
        case "vrfy": self = .verify
        case "expn": throw SMTPReply(502, "5.5.1", "there are no lists here")
        case "data", "rset", "quit", "starttls":
            guard rest.isEmpty else { throw .syntax }
            self = verb == "data" ? .data : verb == "rset" ? .reset : verb == "quit" ? .quit : .startTLS
        default: throw .unknown
        }
    }

    // MARK: MAIL and RCPT

    private static func mail(_ rest: Substring) throws(SMTPReply) -> MailCommand {
        let (path, parameters) = try path(rest, after: "from:")
        var mail = MailCommand()
        for (name, value) in parameters {
            switch (name, value?.asciiLowercased) {
            case ("size", let value?):
                guard let size = Int(value), size >= 0, value.utf8.count <= 20 else { throw .syntax }
                mail.size = size
            case ("body", "7bit"), ("body", "8bitmime"): break
            case ("smtputf8", nil): mail.isInternational = true
            case ("ret", "full"): mail.returnsAll = true
            case ("ret", "hdrs"): mail.returnsAll = false
            // Read and let go of: they could only be recognised by.
            case ("envid", let value?) where value.utf8.count <= 100 && !value.isEmpty, ("auth", let value?) where !value.isEmpty: break
            case ("size", _), ("body", _), ("smtputf8", _), ("ret", _), ("envid", _), ("auth", _): throw .syntax
            default: throw SMTPReply(555, "5.5.4", "MAIL has no parameter of that name here")
            }
        }
        if !path.isEmpty { mail.sender = try address(path, isInternational: mail.isInternational, status: "5.1.7") }
        return mail
    }

    private static func recipient(_ rest: Substring, isInternational: Bool) throws(SMTPReply) -> Recipient {
        let (path, parameters) = try path(rest, after: "to:")
        var wish = ReportWish.usual
        for (name, value) in parameters {
            switch (name, value?.asciiLowercased) {
            case ("notify", let value?): wish = try self.wish(value)
            case ("orcpt", let value?) where value.utf8.count <= 500 && value.contains(";"): break
            case ("notify", _), ("orcpt", _): throw .syntax
            default: throw SMTPReply(555, "5.5.4", "RCPT has no parameter of that name here")
            }
        }
        return Recipient(try address(path, isInternational: isInternational, status: "5.1.3"), wish: wish)
    }

    private static func wish(_ text: String) throws(SMTPReply) -> ReportWish {
        if text == "never" { return .never }
        var wish: ReportWish = []
        for word in text.split(separator: ",", omittingEmptySubsequences: false) {
            switch word {
            case "success": wish.insert(.success)
            case "failure": wish.insert(.failure)
            case "delay": wish.insert(.delay)
            default: throw .syntax
            }
        }
        return wish
    }

    /// What is between `<` and `>`, and what follows.
    private static func path(_ rest: Substring, after keyword: String) throws(SMTPReply) -> (String, [(String, String?)]) {
        let bytes = Array(rest.utf8)
        guard String(decoding: bytes.prefix(keyword.utf8.count), as: UTF8.self).asciiLowercased == keyword else { throw .syntax }
        var index = keyword.utf8.count, isQuoted = false
        while index < bytes.count, bytes[index] == 0x20 { index += 1 }
        guard index < bytes.count, bytes[index] == 0x3C else { throw SMTPReply(501, "5.5.4", "an address stands between < and >") }
        let start = index + 1
        index = start
        while index < bytes.count, isQuoted || bytes[index] != 0x3E {
            if bytes[index] == 0x5C, isQuoted { index += 1 } else if bytes[index] == 0x22 { isQuoted.toggle() }
            index += 1
        }
        guard index < bytes.count else { throw SMTPReply(501, "5.5.4", "the address has no end") }
        return (String(decoding: bytes[start..<index], as: UTF8.self), try parameters(bytes[(index + 1)...]))
    }

    private static func parameters(_ bytes: ArraySlice<UInt8>) throws(SMTPReply) -> [(String, String?)] {
        guard bytes.isEmpty || bytes.first == 0x20 else { throw .syntax }
        let words = bytes.split(separator: 0x20)
        guard words.count <= 10 else { throw .syntax }
        var found: [(String, String?)] = []
        for word in words {
            let parts = word.split(separator: 0x3D, maxSplits: 1, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
            let name = parts[0].asciiLowercased
            guard !found.contains(where: { $0.0 == name }) else { throw SMTPReply(501, "5.5.4", "a parameter stands there twice") }
            found.append((name, parts.count > 1 ? parts[1] : nil))
        }
        return found
    }

    private static func address(_ path: String, isInternational: Bool, status: String) throws(SMTPReply) -> MailAddress {
        // A route before the address is to be ignored (RFC 5321, appendix C).
        let text = path.hasPrefix("@") ? String(path.drop { $0 != ":" }.dropFirst()) : path
        guard let address = MailAddress(text) else { throw SMTPReply(553, status, "that is no address to which mail can go") }
        guard isInternational || !address.isInternational else { throw SMTPReply(553, "5.6.7", "an address beyond ASCII needs SMTPUTF8 at MAIL") }
        return address
    }

    // MARK: BDAT and AUTH

    private static func chunk(_ rest: Substring) throws(SMTPReply) -> SMTPCommand {
        let words = rest.split(separator: " ")
        guard (1...2).contains(words.count), words[0].utf8.count <= 10, words[0].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let bytes = Int(words[0]),
            words.count == 1 || String(words[1]).asciiLowercased == "last"
        else { throw .syntax }
        return .chunk(bytes: bytes, isLast: words.count == 2)
    }

    private static func authentication(_ rest: Substring) throws(SMTPReply) -> SMTPCommand {
        let words = rest.split(separator: " ")
        guard (1...2).contains(words.count) else { throw .syntax }
        return .authenticate(mechanism: String(words[0]).asciiLowercased, initial: words.count == 2 ? String(words[1]) : nil)
    }
}
