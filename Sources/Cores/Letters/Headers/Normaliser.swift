package import Sealing

/// Makes a letter out of what somebody handed in: the same letter, whichever program wrote it, comes out byte for byte the same.
///
/// 1. Of the header From, To, Cc, Subject, In-Reply-To and References are kept, read and written again; everything else is dropped, also what nobody has thought of yet.
/// 2. A Message-ID is made that does not change when the same letter is handed in again because its 250 was lost.
/// 3. Of the body the texts and files are kept: in UTF-8, in one arrangement, in one encoding, with boundaries and file names of our own.
///
/// What cannot be hidden so: the words themselves, what is inside files, and HTML that comes without a plain text.
package struct Normaliser {
    /// More than any way has hops: mail that goes round in circles.
    static let hopsLimit = 50
    static let referencesLimit = 20
    static let wishField = "dust-keep-names"

    /// The id of a letter that was handed in: the same for the same, if it says what it is by a Message-ID; else a new one.
    ///
    /// - Parameter key: known to this mote only; 32 bytes.
    package static func id(of submitted: SubmittedLetter, key: SecretBytes, random: @autoclosure () -> [UInt8]) -> LetterID {
        let isNamed = (try? HeaderFields(submitted.content[...]))?.first("message-id")?.isEmpty == false
        let envelope = ["\(submitted.envelope.sender.map { "\($0)" } ?? "")"] + submitted.envelope.recipients.map { "\($0.address)" }
        let text = Array(envelope.joined(separator: "\n").utf8) + [0] + submitted.content
        guard let id = LetterID(isNamed ? Array(Digest.hmacSHA512(key: key, text).prefix(LetterID.bytesCount)) : random()) else { preconditionFailure("sixteen bytes of an id") }
        return id
    }

    /// - Throws: what to tell whoever handed it in.
    package static func letter(of submitted: SubmittedLetter, id: LetterID) throws(SMTPReply) -> Letter {
        let fields = try HeaderFields(submitted.content[...])
        guard fields.all("received").count <= hopsLimit else { throw SMTPReply(554, "5.4.6", "the letter has been through so many servers that it must be going in circles") }
        var count = 0
        let part = try LetterPart.read(fields, depth: 0, count: &count) ?? .text(subtype: "plain", [], parameters: [])
        var writer = LetterWriter(id: id, keepsNames: fields.first(wishField)?.asciiLowercased == "yes")
        writer.add(try header(fields, submitted.envelope, mark: writer.mark("message-id"), isInternational: submitted.isInternational))
        writer.write(part)
        guard let letter = Letter(id: id, envelope: submitted.envelope, content: writer.bytes) else { throw .tooMuch }
        return letter
    }

    private static func header(_ fields: HeaderFields, _ envelope: Envelope, mark: String, isInternational: Bool) throws(SMTPReply) -> String {
        let from = try addresses("from", fields)
        guard from.count <= 1 else { throw SMTPReply(554, "5.6.0", "the letter has two From fields") }
        guard let author = from.first ?? envelope.sender.map({ ["\($0)"] }) else { throw SMTPReply(554, "5.6.0", "the letter says not who it is from") }
        let to = try addresses("to", fields), cc = try addresses("cc", fields)
        var out = Folded.field("From", author)
        if let to = to.first { out += Folded.field("To", to) } else if cc.isEmpty { out += "To: undisclosed-recipients:;\r\n" }
        if let cc = cc.first { out += Folded.field("Cc", cc) }
        out += Folded.field("Subject", EncodedWords.encode(EncodedWords.decode(fields.first("subject") ?? "")))
        out += "Message-ID: <\(mark)@\(domain(envelope))>\r\n"
        for (name, title) in [("in-reply-to", "In-Reply-To"), ("references", "References")] {
            let ids = fields.first(name).map(messageIDs) ?? []
            if !ids.isEmpty { out += Folded.field(title, ids) }
        }
        guard isInternational || out.utf8.allSatisfy({ $0 < 0x80 }) else { throw SMTPReply(554, "5.6.7", "an address in the header is beyond ASCII: say SMTPUTF8 at MAIL") }
        return out + "MIME-Version: 1.0\r\n"
    }

    /// One list for each field of that name; several are one (To and Cc may come twice from careless programs).
    private static func addresses(_ name: String, _ fields: HeaderFields) throws(SMTPReply) -> [[String]] {
        let values = fields.all(name).filter { !$0.isEmpty }
        guard name != "from" || values.count < 2 else { return [[], []] }
        guard !values.isEmpty else { return [] }
        let list = try AddressList(values.joined(separator: ", "), field: name)
        return list.entries.isEmpty ? [] : [list.words]
    }

    /// That of whoever the letter says it is from, as mail programs do it: it adds nothing.
    private static func domain(_ envelope: Envelope) -> String {
        guard let domain = envelope.sender?.domain, domain.utf8.allSatisfy({ $0 < 0x80 }) else { return "mail.invalid" }
        return domain
    }

    private static func messageIDs(_ value: String) -> [String] {
        let ids = value.split(separator: "<").dropFirst(value.hasPrefix("<") ? 0 : 1).compactMap { piece -> String? in
            guard let end = piece.firstIndex(of: ">") else { return nil }
            let id = piece[..<end]
            return (3...250).contains(id.utf8.count) && id.contains("@") && id.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } ? "<\(id)>" : nil
        }
        return Array(ids.suffix(referencesLimit))
    }
}
