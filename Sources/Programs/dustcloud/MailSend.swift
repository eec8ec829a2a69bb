internal import Ambience
internal import ArgumentParser
internal import Boxes
internal import Coordination
internal import Glibc
internal import Letters
internal import Postbox
internal import Sealing

struct MailSend: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "send", abstract: "Send a letter through the mix.",
        discussion: """
            The letter is read from the standard input as mail programs write it: header, empty line, text. Without a header give --subject. What of it could tell \
            who wrote it with what is left out. It is kept here until a gateway of the mix has it, which gets it in pieces: what breaks off goes on where it was. Then \
            nothing of it depends on this machine any more. With attachments it may have \(Letter.contentLimit >> 20) MiB.
            """)

    @OptionGroup var mailbox: PostboxOption
    @OptionGroup var route: MailRoute
    @Argument(help: ArgumentHelp("Whom it is for.", valueName: "address")) var recipients: [String]
    @Option(help: ArgumentHelp("Whom it is from. Default: your mailbox in the cloud.", valueName: "address")) var from: String?
    @Option(help: ArgumentHelp("What it is about, for a text without a header.", valueName: "text")) var subject: String?
    @Flag(help: "Send it however badly it hides, and even if no mote brings letters out now: then it waits at its gateway for one.") var anyway = false

    @Flag(help: "Ask for a report when a mail server outside has it, too, not only when none takes it. 'mail outbox' shows what came.") var receipt = false

    /// Under this a letter is not sent unless somebody insists. Motes fill up to 8 bits with cover, and what one of them counts is off by some tenths.
    static let leastBits = 7.5

    func validate() throws {
        guard (1...Envelope.recipientsLimit).contains(recipients.count) else { throw ValidationError("a letter has 1 to \(Envelope.recipientsLimit) addresses") }
        for text in recipients + [from].compactMap({ $0 }) { guard MailAddress(text) != nil else { throw ValidationError("\"\(text)\" is no mail address") } }
        guard subject?.utf8.allSatisfy({ $0 >= 32 && $0 != 127 }) ?? true else { throw ValidationError("--subject is one line") }
    }

    func run() throws {
        let (_, key, address, store) = try mailbox.open()
        let sender = from ?? "me@\(address.domain)"
        let letter = try letter(try content(sender), sender, PostboxFolder.namingKey(key))
        let line = try route.line(mailbox.state), way = LetterSender(store, line) { SystemTime().wall }
        let progress = Progress("asking which motes take letters…")
        defer { progress.end() }
        try MailFault.told {
            if try store.motes().isEmpty { _ = try BoxCollector(store, line, key) { SystemTime().wall }?.learn() }
            progress.say("asking a gateway how well a letter hides now…")
            try judge(try way.hiding())
            try store.send(letter, now: SystemTime().wall)
            progress.say("bringing the letter to a gateway…")
            let (taken, waiting) = try way.send { progress.say(MailWords.pieces($0, there: $1, of: $2)) }
            Terminal.say(waiting == 0 ? "\(MailWords.letters(taken)) taken by a gateway of the mix" : "kept here: no gateway answers now. 'dustcloud mail serve' tries again, and so does the next 'mail send'")
        }
    }

    private func judge(_ hiding: HidingReport?) throws {
        guard let hiding else { return Terminal.complain("no gateway says how well a letter hides now") }
        if hiding.exits == 0, !anyway, let stranded = recipients.first(where: { BoxAddress(mailbox: $0) == nil }) { throw Self.noWay(to: stranded) }
        Terminal.say(MailWords.hiding(.init(hiding)))
        guard hiding.bits < Self.leastBits, !anyway else { return }
        throw CoordinationError(.unavailable, "that is less than \(Self.leastBits) bits: wait until there is more traffic, or send it all the same with --anyway")
    }

    private static func noWay(to address: String) -> CoordinationError {
        CoordinationError(
            .unavailable, "\(address) cannot be reached: no mote of this network brings letters to mail servers outside. Say how letters leave with 'dustcloud up --mail-exit', or write to a mailbox in the cloud; "
                + "with --anyway the letter waits at a gateway until some mote does")
    }

    private func content(_ sender: String) throws -> [UInt8] {
        guard let text = StandardInput.read(limitBytes: Letter.contentLimit) else { throw CoordinationError(.badData, "the letter is longer than \(Letter.contentLimit >> 20) MiB") }
        let lines = text.split(separator: 10, omittingEmptySubsequences: false).map { $0.last == 13 ? $0.dropLast() : $0 }
        let body = Array(lines.joined(separator: [13, 10])) + (text.last == 10 ? [] : [13, 10])
        guard let subject else { return body }
        return Array("From: \(sender)\r\nTo: \(recipients.joined(separator: ", "))\r\nSubject: \(subject)\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n".utf8) + body
    }

    private func letter(_ content: [UInt8], _ sender: String, _ key: SecretBytes) throws -> Letter {
        let wish = receipt ? ReportWish.usual.union(.success) : .usual
        guard let envelope = Envelope(sender: MailAddress(sender), recipients: recipients.compactMap { MailAddress($0).map { Recipient($0, wish: wish) } }) else { throw CoordinationError(.usage, "no address") }
        let submitted = SubmittedLetter(envelope: envelope, content: content, isInternational: true)
        do throws(SMTPReply) { return try Normaliser.letter(of: submitted, id: Normaliser.id(of: submitted, key: key, random: SecureRandom.bytes(LetterID.bytesCount))) } catch {
            throw CoordinationError(.badData, "this letter cannot be sent: \(error.text)")
        }
    }
}

enum StandardInput {
    /// All of it; `nil` if it is longer.
    static func read(limitBytes: Int) -> [UInt8]? {
        var bytes: [UInt8] = [], buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(0, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return bytes }
            bytes += buffer.prefix(count)
            guard bytes.count <= limitBytes else { return nil }
        }
    }
}
