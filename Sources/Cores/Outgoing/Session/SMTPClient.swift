package import Ambience
internal import Bytes
internal import Sealing

/// One session with a mail server that delivers one letter: bytes come in, and what to do comes out (RFC 5321, 3207, 4954, 2920, 1870, 6152, 6531).
///
/// Whoever runs it does every effect in its order, sends what `more` gives while the connection takes it, and calls `ended` when the connection is
/// lost or `patience` has passed without a reply.
package struct SMTPClient: Sendable {
    package enum Encryption: Hashable, Sendable {
        case never
        case ifOffered
        /// Nothing is sent without it.
        case required
        /// TLS stands before the greeting (RFC 8314).
        case fromTheStart
    }

    package enum Effect: Hashable, Sendable {
        case send([UInt8])
        /// What came before is over; then `secured`.
        case startTLS
        /// From now on `more` has something.
        case sendContent
        /// The session is over, and this is what came of it. QUIT may have been sent; nobody waits for its answer.
        case done([SMTPVerdict])
    }

    private enum Awaited: Hashable {
        case greeting, ehlo, helo, startTLS, loginName, loginPassword, login, mail, data, end
        case recipient(Int)
    }

    private let mail: OutgoingMail
    private let name: String
    private let encryption: Encryption
    private let login: SMTPLogin?
    private var reader = SMTPReplyReader()
    private var awaited: [Awaited] = [.greeting]
    private var capabilities = SMTPCapabilities()
    private var isSecured: Bool
    private var verdicts: [SMTPVerdict?]
    private var content: DotStuffing?
    private var isOver = false

    /// - Parameter name: what is said in EHLO: a domain or an address in brackets.
    package init(_ mail: OutgoingMail, name: String, encryption: Encryption, login: SMTPLogin? = nil) {
        (self.mail, self.name, self.encryption, self.login) = (mail, name, encryption, login)
        isSecured = encryption == .fromTheStart
        verdicts = Array(repeating: nil, count: mail.recipients.count)
    }

    /// How long to wait for the reply that is due (RFC 5321, 4.5.3.2).
    package var patience: Instant.Span {
        switch awaited.first {
        case .data: .seconds(Int64(120))
        case .end: .seconds(Int64(600))
        default: .seconds(Int64(300))
        }
    }

    /// Whether the server may have the letter though it has not said so.
    package var mayHaveDelivered: Bool { content?.isOver ?? false }

    package mutating func received(_ bytes: [UInt8]) -> [Effect] {
        var rest = bytes[...], effects: [Effect] = []
        do throws(SMTPReplyError) {
            while !isOver, let reply = try reader.next(&rest) {
                effects += answered(reply, isLast: rest.isEmpty)
            }
        } catch { effects += stop(.deferred(.protocolBroken)) }
        return effects
    }

    /// TLS stands; what was said before counts for nothing (RFC 3207, 4.2).
    package mutating func secured() -> [Effect] {
        guard !isOver else { return [] }
        (isSecured, capabilities, reader) = (true, SMTPCapabilities(), SMTPReplyReader())
        return ask("EHLO \(name)", .ehlo)
    }

    /// The connection is gone, or nothing came in time.
    package mutating func ended(_ reason: SMTPVerdict.Reason) -> [Effect] { stop(.deferred(mayHaveDelivered ? .uncertain : reason)) }

    /// The next piece of the content.
    package mutating func more(_ count: Int) -> [UInt8] { content?.next(count) ?? [] }

    // MARK: Replies

    private mutating func answered(_ reply: SMTPReply, isLast: Bool) -> [Effect] {
        guard !awaited.isEmpty else { return stop(.deferred(.protocolBroken)) }
        let step = awaited.removeFirst()
        guard reply.code != 421 else { return stop(.deferred(.refused(reply))) }
        switch step {
        case .greeting: return reply.code == 220 ? ask("EHLO \(name)", .ehlo) : quit(.deferred(.refused(reply)))
        case .ehlo: return introduced(reply)
        case .helo: return reply.isPositive ? chooseNext() : quit(.deferred(.refused(reply)))
        case .startTLS: return startTLS(reply, isLast: isLast)
        case .loginName, .loginPassword, .login: return loggedIn(reply, step)
        case .mail, .recipient: return named(reply, step)
        case .data: return begun(reply)
        case .end: return taken(reply)
        }
    }

    private mutating func introduced(_ reply: SMTPReply) -> [Effect] {
        guard reply.isPositive else {
            // A server from before 1995, which has neither TLS nor logins.
            let mayGoOn = reply.isPermanent && !isSecured && encryption != .required && login == nil
            return mayGoOn ? ask("HELO \(name)", .helo) : quit(.deferred(.refused(reply)))
        }
        capabilities = SMTPCapabilities(reply.lines)
        return chooseNext()
    }

    private mutating func chooseNext() -> [Effect] {
        if !isSecured, encryption != .never {
            if capabilities.hasStartTLS { return ask("STARTTLS", .startTLS) }
            if encryption == .required { return quit(.deferred(.noTLS)) }
        }
        return login.map { logIn($0) } ?? begin()
    }

    private mutating func startTLS(_ reply: SMTPReply, isLast: Bool) -> [Effect] {
        guard reply.code == 220 else {
            return encryption == .required ? quit(.deferred(.noTLS)) : login.map { logIn($0) } ?? begin()
        }
        // Whatever lies behind the answer was not said by who holds the key (CVE-2011-0411 and its kin).
        guard isLast, reader.isEmpty else { return stop(.deferred(.injected)) }
        return [.startTLS]
    }

    // MARK: Login

    private mutating func logIn(_ login: SMTPLogin) -> [Effect] {
        guard isSecured else { return quit(.deferred(.noTLS)) }
        if capabilities.logins.contains("PLAIN") {
            var secret = [0] + Array(login.name.utf8) + [0] + login.password.copy
            defer { secret.wipe() }
            return ask("AUTH PLAIN \(Base64.encode(secret))", .login)
        }
        return capabilities.logins.contains("LOGIN") ? ask("AUTH LOGIN", .loginName) : quit(.deferred(.noLogin))
    }

    private mutating func loggedIn(_ reply: SMTPReply, _ step: Awaited) -> [Effect] {
        guard let login else { return stop(.deferred(.protocolBroken)) }
        switch (step, reply.code) {
        case (.login, 235): return begin()
        case (.loginName, 334): return ask(Base64.encode(Array(login.name.utf8)), .loginPassword)
        case (.loginPassword, 334):
            var secret = login.password.copy
            defer { secret.wipe() }
            return ask(Base64.encode(secret), .login)
        default: return quit(.deferred(.refused(reply)))
        }
    }

    // MARK: The letter

    private mutating func begin() -> [Effect] {
        if let trouble = unfit { return quit(trouble) }
        let isEightBit = mail.isEightBit
        var line = "MAIL FROM:<\(mail.reversePath)>"
        if capabilities.hasSize { line += " SIZE=\(mail.content.count)" }
        if isEightBit { line += " BODY=8BITMIME" }
        if mail.needsUTF8 { line += " SMTPUTF8" }
        guard capabilities.isPipelining else { return ask(line, .mail) }
        let lines = [line] + mail.recipients.indices.prefix(capabilities.recipientsLimit).map(recipientLine)
        awaited = [.mail] + mail.recipients.indices.prefix(capabilities.recipientsLimit).map { .recipient($0) }
        return [.send(Array((lines.joined(separator: "\r\n") + "\r\n").utf8))]
    }

    /// Why this server cannot have this letter, whatever it would say.
    private var unfit: SMTPVerdict? {
        if !mail.isCanonical { return .failed("5.6.0", "the letter has bytes or lines that no mail may have") }
        if let limit = capabilities.sizeLimitBytes, mail.content.count > limit { return .failed("5.3.4", "the letter has \(mail.content.count) bytes; the recipient's server takes \(limit)") }
        if mail.needsUTF8, !capabilities.hasUTF8 { return .failed("5.6.7", "the recipient's server takes no addresses or headers beyond ASCII") }
        if mail.isEightBit, !capabilities.hasEightBit { return .failed("5.6.3", "the recipient's server takes only 7-bit letters") }
        return nil
    }

    private func recipientLine(_ index: Int) -> String {
        // Nobody but us tells the sender what became of it.
        "RCPT TO:<\(mail.recipients[index])>" + (capabilities.hasDeliveryNotes ? " NOTIFY=NEVER" : "")
    }

    private mutating func named(_ reply: SMTPReply, _ step: Awaited) -> [Effect] {
        if case .recipient(let index) = step {
            if !reply.isPositive { verdicts[index] = .of(reply) }
        } else if !reply.isPositive {
            return quit(.of(reply))
        }
        guard awaited.isEmpty else { return [] }
        let next: Int = if case .recipient(let index) = step { index + 1 } else { 0 }
        if next < min(mail.recipients.count, capabilities.recipientsLimit) { return ask(recipientLine(next), .recipient(next)) }
        for index in verdicts.indices.dropFirst(capabilities.recipientsLimit) { verdicts[index] = .deferred(.laterTransaction) }
        return verdicts.contains { $0 == nil } ? ask("DATA", .data) : quit(.deferred(.protocolBroken))
    }

    private mutating func begun(_ reply: SMTPReply) -> [Effect] {
        guard reply.code == 354 else { return reply.isPositive ? stop(.deferred(.protocolBroken)) : quit(.of(reply)) }
        content = DotStuffing(mail.content)
        awaited = [.end]
        return [.sendContent]
    }

    private mutating func taken(_ reply: SMTPReply) -> [Effect] {
        // Before the end of the content it can only be a refusal.
        guard mayHaveDelivered || !reply.isPositive else { return stop(.deferred(.protocolBroken)) }
        return mayHaveDelivered ? quit(.of(reply)) : stop(.of(reply))
    }

    // MARK: The end

    private mutating func ask(_ line: String, _ step: Awaited) -> [Effect] {
        awaited = [step]
        return [.send(Array((line + "\r\n").utf8))]
    }

    private mutating func quit(_ verdict: SMTPVerdict) -> [Effect] { [.send(Array("QUIT\r\n".utf8))] + stop(verdict) }

    /// `verdict` is for all that have none yet.
    private mutating func stop(_ verdict: SMTPVerdict) -> [Effect] {
        guard !isOver else { return [] }
        isOver = true
        return [.done(verdicts.map { $0 ?? verdict })]
    }
}
