internal import Bytes

/// A letter as somebody handed it in, every line of it ending in CR LF.
package struct SubmittedLetter: Hashable, Sendable {
    package let envelope: Envelope
    package let content: [UInt8]
    package let isInternational: Bool

    package init(envelope: Envelope, content: [UInt8], isInternational: Bool = false) {
        (self.envelope, self.content, self.isInternational) = (envelope, content, isInternational)
    }
}

/// A mail program's session with a submission service (RFC 5321, RFC 6409): what it sends goes in, what to do comes out.
///
/// With PIPELINING, SIZE, 8BITMIME, SMTPUTF8, CHUNKING, ENHANCEDSTATUSCODES and DSN, and STARTTLS and AUTH where offered. Nothing of who the client says it is, is kept.
/// Bytes before the reply to a command that ends a group (RFC 2920, section 3.1) close the session; those behind STARTTLS are dropped.
package struct SubmissionSession {
    package struct Settings: Sendable {
        /// What the service calls itself.
        package var name = "mail.invalid"
        package var sizeLimit = Letter.contentLimit - (1 << 20)
        /// STARTTLS can be had.
        package var offersTLS = false
        /// TLS from the first byte on.
        package var isSecure = false
        /// Only who has a name and a password may send; they are asked for under TLS only.
        package var needsUser = false

        package init() {}
    }

    package enum Effect: Hashable, Sendable {
        case reply([UInt8])
        /// Once all replies are out; then `secured`. What was received in the clear and not yet handed over is to be thrown away.
        case startTLS
        /// Answer with `authenticated`.
        case authenticate(name: String, password: [UInt8])
        /// Answer with `kept`, after it is on stable storage.
        case keep(SubmittedLetter)
        /// Once all replies are out.
        case close
    }

    private enum Phase: Equatable {
        case command
        case data
        case chunk(left: Int, isLast: Bool)
        case user
        case password(name: String)
        case plain
        /// For an answer to the last effect.
        case waiting
        case closed
    }

    /// Commands may be long because of their parameters (RFC 5321, 4.5.3.1.4, and the extensions' own), answers to AUTH because of what they hold.
    static let lineLimit = 4_096
    static let errorsLimit = 20
    /// RSET, NOOP, VRFY and the like without a letter in between.
    static let idleLimit = 200
    static let excessLimit = 1_000
    static let failuresLimit = 3

    private let settings: Settings
    private var phase = Phase.command
    private var buffer: ArraySlice<UInt8> = []
    private var effects: [Effect] = []
    private var isSecure: Bool
    private var hasGreeted = false
    private var isExtended = false
    private var hasUser = false
    private var mail: SMTPCommand.MailCommand?
    private var recipients: [Recipient] = []
    private var content: ContentReader?
    /// A chunk of this letter was refused: no further one is taken.
    private var isSpoilt = false
    private var errors = 0, idle = 0, excess = 0, failures = 0

    package init(_ settings: Settings) {
        self.settings = settings
        isSecure = settings.isSecure
    }

    /// Memory that the session needs now, most of it its letter.
    package var heldBytes: Int { buffer.count + (content?.bytes.count ?? 0) }
    package var isClosed: Bool { phase == .closed }
    /// Nothing is asked for before `authenticated` or `kept`: reading can stop.
    package var isWaiting: Bool { phase == .waiting }

    // MARK: In

    package mutating func greet() -> [Effect] {
        say(SMTPReply(220, "", "\(settings.name) ESMTP"))
        return take()
    }

    package mutating func receive(_ bytes: [UInt8]) -> [Effect] {
        guard phase != .closed else { return [] }
        if buffer.isEmpty { buffer = bytes[...] } else { buffer += bytes }
        return goOn()
    }

    /// TLS stands: everything said before is forgotten (RFC 3207, section 4.2).
    package mutating func secured() -> [Effect] {
        self = SubmissionSession(settings)
        isSecure = true
        return []
    }

    package mutating func authenticated(_ isRight: Bool) -> [Effect] {
        guard phase == .waiting else { return [] }
        phase = .command
        if isRight {
            hasUser = true
            say(SMTPReply(235, "2.7.0", "welcome"))
        } else {
            failures += 1
            say(SMTPReply(535, "5.7.8", "name or password is wrong"))
            if failures >= Self.failuresLimit { end(SMTPReply(421, "4.7.0", "too many wrong passwords")) }
        }
        return goOn()
    }

    /// - Parameter refusal: `nil` once the letter is on stable storage.
    package mutating func kept(_ refusal: SMTPReply?) -> [Effect] {
        guard phase == .waiting else { return [] }
        phase = .command
        if refusal == nil { idle = 0 }
        say(refusal ?? SMTPReply(250, "2.0.0", "kept, and on its way"))
        return goOn()
    }

    /// There is no memory for its letter: the rest of it is read and refused for now.
    package mutating func starve() { content?.starve() }

    /// Ends the session with a last word, when the service does or the client was too slow.
    package mutating func stop(_ reply: SMTPReply) -> [Effect] {
        guard phase != .closed else { return [] }
        end(reply)
        return take()
    }

    // MARK: On

    private mutating func take() -> [Effect] {
        defer { effects = [] }
        return effects
    }

    private mutating func goOn() -> [Effect] {
        while step() {}
        if buffer.isEmpty { buffer = [] }
        return take()
    }

    /// `false` when more input or an answer is needed.
    private mutating func step() -> Bool {
        switch phase {
        case .waiting, .closed: return false
        case .data: return readData()
        case .chunk(let left, let isLast): return readChunk(left, isLast)
        case .command, .user, .password, .plain:
            guard let line = takeLine() else { return false }
            answer(line)
            return true
        }
    }

    /// A whole line without its end; anything that is no line ends the session.
    private mutating func takeLine() -> ArraySlice<UInt8>? {
        let stop = buffer.prefix(Self.lineLimit).firstIndex { $0 == 10 || $0 == 0 }
        guard let stop else {
            if buffer.count >= Self.lineLimit { end(.longCommand) } else if Self.hasBareReturn(buffer) { end(.bare) }
            return nil
        }
        let line = buffer[buffer.startIndex..<stop]
        guard buffer[stop] == 10, line.last == 13, !line.dropLast().contains(13) else {
            end(.bare)
            return nil
        }
        buffer = buffer[(stop + 1)...]
        return line.dropLast()
    }

    private static func hasBareReturn(_ bytes: ArraySlice<UInt8>) -> Bool { bytes.dropLast().contains(13) }

    private mutating func answer(_ line: ArraySlice<UInt8>) {
        do throws(SMTPReply) {
            switch phase {
            case .plain: try plain(String(decoding: line, as: UTF8.self))
            case .user: try user(String(decoding: line, as: UTF8.self))
            case .password(let name): try password(name, String(decoding: line, as: UTF8.self))
            default: try perform(try SMTPCommand(line, isInternational: mail?.isInternational ?? false))
            }
        } catch {
            if phase != .closed { phase = .command }
            say(error)
        }
    }

    private mutating func perform(_ command: SMTPCommand) throws(SMTPReply) {
        switch command {
        case .hello(let isExtended): hello(isExtended)
        case .mail(let mail): try begin(mail)
        case .recipient(let recipient): try add(recipient)
        case .data: try beginData()
        case .chunk(let bytes, let isLast): beginChunk(bytes, isLast)
        case .startTLS: try startTLS()
        case .authenticate(let mechanism, let initial): try authenticate(mechanism, initial)
        case .quit: end(SMTPReply(221, "2.0.0", "goodbye"))
        case .reset:
            reset()
            idly(SMTPReply(250, "2.0.0", "forgotten"))
        case .noop: idly(SMTPReply(250, "2.0.0", "nothing done"))
        case .help: idly(SMTPReply(214, "2.0.0", "letters are taken here, held for a while and passed on; see RFC 5321"))
        case .verify: idly(SMTPReply(252, "2.0.0", "send to it and see"))
        }
    }

    private mutating func hello(_ isExtended: Bool) {
        guard ends() else { return }
        reset()
        (hasGreeted, self.isExtended) = (true, isExtended)
        guard isExtended else { return idly(SMTPReply(250, "", settings.name)) }
        var lines = [settings.name, "PIPELINING", "SIZE \(settings.sizeLimit)", "8BITMIME", "SMTPUTF8", "CHUNKING", "ENHANCEDSTATUSCODES", "DSN"]
        if settings.offersTLS, !isSecure { lines.append("STARTTLS") }
        if settings.needsUser, isSecure { lines.append("AUTH PLAIN LOGIN") }
        effects.append(.reply(SMTPReply.several(250, lines)))
        countIdle()
    }

    /// Whether the command was the last that came, as it has to be.
    private mutating func ends() -> Bool {
        if !buffer.isEmpty { end(.early) }
        return buffer.isEmpty && phase != .closed
    }

    // MARK: Who

    private mutating func startTLS() throws(SMTPReply) {
        guard settings.offersTLS, !isSecure else { throw SMTPReply(isSecure ? 503 : 502, "5.5.1", isSecure ? "TLS stands already" : "there is no TLS here") }
        say(SMTPReply(220, "2.0.0", "go ahead"))
        effects.append(.startTLS)
        buffer = []
        phase = .waiting
    }

    private mutating func authenticate(_ mechanism: String, _ initial: String?) throws(SMTPReply) {
        guard settings.needsUser else { throw SMTPReply(502, "5.5.1", "nobody needs a name here") }
        guard isSecure else { throw SMTPReply(538, "5.7.11", "a password is asked for under TLS only: say STARTTLS first") }
        guard isExtended, !hasUser, mail == nil else { throw .order }
        guard ends() else { return }
        switch (mechanism, initial) {
        case ("plain", let text?): try plain(text)
        case ("plain", nil):
            phase = .plain
            effects.append(.reply(Array("334 \r\n".utf8)))
        case ("login", let text?): try user(text)
        case ("login", nil):
            phase = .user
            effects.append(.reply(Array("334 VXNlcm5hbWU6\r\n".utf8)))
        default: throw SMTPReply(504, "5.5.4", "PLAIN and LOGIN are the ways here")
        }
    }

    private mutating func plain(_ text: String) throws(SMTPReply) {
        let parts = try Self.decode(text).split(separator: 0, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].isEmpty || parts[0] == parts[1], let name = String(validating: parts[1], as: UTF8.self) else { throw .syntax }
        ask(name, Array(parts[2]))
    }

    private mutating func user(_ text: String) throws(SMTPReply) {
        guard let name = String(validating: try Self.decode(text), as: UTF8.self) else { throw .syntax }
        phase = .password(name: name)
        effects.append(.reply(Array("334 UGFzc3dvcmQ6\r\n".utf8)))
    }

    private mutating func password(_ name: String, _ text: String) throws(SMTPReply) { ask(name, try Self.decode(text)) }

    private mutating func ask(_ name: String, _ password: [UInt8]) {
        phase = .waiting
        effects.append(.authenticate(name: name, password: password))
    }

    private static func decode(_ text: String) throws(SMTPReply) -> [UInt8] {
        guard text != "*" else { throw SMTPReply(501, "5.7.0", "as you wish") }
        guard let bytes = text == "=" ? [] : Base64.decode(text), bytes.count <= 1_024 else { throw .syntax }
        return bytes
    }

    // MARK: From whom, for whom

    private mutating func begin(_ command: SMTPCommand.MailCommand) throws(SMTPReply) {
        guard hasGreeted, mail == nil else { throw .order }
        guard !settings.needsUser || hasUser else { throw SMTPReply(530, "5.7.0", isSecure ? "say AUTH first" : "say STARTTLS and AUTH first") }
        guard command.size <= settings.sizeLimit else { throw .tooMuch }
        reset()
        mail = command
        say(SMTPReply(250, "2.1.0", "from there"))
    }

    private mutating func add(_ recipient: Recipient) throws(SMTPReply) {
        guard let mail, content == nil else { throw .order }
        // A report has one reader; one for many is how others' names are abused.
        let most = mail.sender == nil ? 1 : Envelope.recipientsLimit
        guard recipients.count < most || recipients.contains(where: { $0.address == recipient.address }) else {
            excess += 1
            guard excess <= Self.excessLimit else { return end(SMTPReply(421, "4.5.3", "far too many recipients")) }
            // No error: whoever gets it sends to the rest later (RFC 5321, 4.5.3.1.10).
            return effects.append(.reply(SMTPReply(452, "4.5.3", "too many recipients for one letter: send it to the others again").bytes))
        }
        if !recipients.contains(where: { $0.address == recipient.address }) { recipients.append(recipient) }
        say(SMTPReply(250, "2.1.5", "for them"))
    }

    private mutating func reset() { (mail, recipients, content, isSpoilt) = (nil, [], nil, false) }

    // MARK: What

    private mutating func beginData() throws(SMTPReply) {
        guard mail != nil, content == nil else { throw .order }
        guard !recipients.isEmpty else { throw SMTPReply(554, "5.5.1", "nobody is to get it") }
        guard ends() else { return }
        content = ContentReader(isDotted: true, limit: settings.sizeLimit)
        phase = .data
        say(SMTPReply(354, "", "go on, and end with a dot on a line of its own"))
    }

    private mutating func readData() -> Bool {
        guard !buffer.isEmpty, let progress = content?.take(&buffer) else { return false }
        switch progress {
        case .more: if isHopeless { end(.tooMuch) }
        case .bare: end(.bare)
        case .ended: finish()
        }
        return progress == .ended
    }

    /// Whoever goes on so long will not stop.
    private var isHopeless: Bool { content.map { $0.count > 2 * settings.sizeLimit } ?? false }

    private mutating func beginChunk(_ bytes: Int, _ isLast: Bool) {
        if mail == nil || recipients.isEmpty { isSpoilt = true }
        guard bytes <= 2 * settings.sizeLimit else { return end(.tooMuch) }
        if content == nil { content = ContentReader(isDotted: false, limit: settings.sizeLimit) }
        if isSpoilt { content?.starve() }
        phase = .chunk(left: bytes, isLast: isLast)
    }

    private mutating func readChunk(_ left: Int, _ isLast: Bool) -> Bool {
        var part = buffer.prefix(left)
        let taken = part.count
        if !isSpoilt, content?.take(&part) == .bare {
            end(.bare)
            return false
        }
        buffer = buffer.dropFirst(taken)
        guard taken == left else {
            phase = .chunk(left: left - taken, isLast: isLast)
            return false
        }
        endChunk(isLast)
        return true
    }

    private mutating func endChunk(_ isLast: Bool) {
        phase = .command
        guard !isSpoilt else {
            say(mail == nil || recipients.isEmpty ? .order : SMTPReply(503, "5.5.1", "the letter was refused: say RSET and begin again"))
            if isLast { reset() }
            return
        }
        if isLast {
            guard content?.finish() == true else { return end(.bare) }
            return finish()
        }
        if let refusal { isSpoilt = true; content?.starve(); return say(refusal) }
        say(SMTPReply(250, "2.0.0", "go on"))
    }

    private var refusal: SMTPReply? {
        guard let content else { return .order }
        if content.isTooLarge { return .tooMuch }
        if content.hasLongLine { return .longLine }
        return content.isStarved ? .noMemory : nil
    }

    private mutating func finish() {
        phase = .command
        if let refusal { say(refusal) } else if let mail, let content, let envelope = Envelope(sender: mail.sender, recipients: recipients, returnsAll: mail.returnsAll) {
            phase = .waiting
            effects.append(.keep(SubmittedLetter(envelope: envelope, content: content.bytes, isInternational: mail.isInternational)))
        } else {
            say(.order)
        }
        reset()
    }

    // MARK: Out

    private mutating func say(_ reply: SMTPReply) {
        effects.append(.reply(reply.bytes))
        guard reply.isError else { return }
        errors += 1
        if errors >= Self.errorsLimit { end(SMTPReply(421, "4.7.0", "too many errors")) }
    }

    private mutating func idly(_ reply: SMTPReply) {
        say(reply)
        countIdle()
    }

    private mutating func countIdle() {
        idle += 1
        if idle > Self.idleLimit { end(SMTPReply(421, "4.7.0", "too many commands and no letter")) }
    }

    private mutating func end(_ reply: SMTPReply) {
        guard phase != .closed else { return }
        phase = .closed
        reset()
        buffer = []
        effects += [.reply(reply.bytes), .close]
    }
}
