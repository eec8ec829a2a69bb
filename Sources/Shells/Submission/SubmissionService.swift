package import Ambience
package import Letters
internal import Links
package import Loops
package import Sealing

/// Takes letters from mail programs and hands them on, normalised; tells the program 250 once whoever took one says it is on stable storage.
///
/// 1. Bytes of a connection go to its session (`SubmissionSession`), which says what to do.
/// 2. A whole letter gets its id and is normalised, a large one on another thread.
/// 3. `onLetter` keeps it, and its answer becomes the reply.
///
/// Neither who connects nor from where is kept or told.
package final class SubmissionService {
    package struct Settings: Sendable {
        package var session = SubmissionSession.Settings()
        /// At this number the session goes that has waited longest without a letter on its way.
        package var sessionsLimit = 512
        /// Of letters on their way in, every copy of them counted: beyond, the session that asks for more is refused for now. With what a mote's directory holds of
        /// requests it makes 256 MiB.
        package var memoryBytes = 192 << 20
        /// Without a byte from the client.
        package var patience = Instant.Span.seconds(300)
        package var handshakePatience = Instant.Span.seconds(60)
        /// For a session as a whole.
        package var life = Instant.Span.seconds(7_200)

        package init() {}
    }

    package struct Counts: Hashable, Sendable {
        package var sessions = 0
        package var letters = 0
        package var refusals = 0
    }

    package struct Unsafe: Error, CustomStringConvertible {
        package var description: String { "without users and TLS, mail is taken on loopback only: give SubmissionUsers a file, or listen on 127.0.0.1" }
    }

    /// - Parameter done: `nil` once the letter is on stable storage, else why it is not.
    package typealias Keeper = (_ letter: Letter, _ done: @escaping (SMTPReply?) -> Void) -> Void

    /// Unsent replies that close the connection: the client asks much and reads nothing.
    private static let unsentLimitBytes = 256 << 10
    /// For the client to close its side after the last reply.
    private static let lingering = Instant.Span.seconds(5)
    /// Above this a letter is normalised on another thread.
    private static let largeBytes = 32 << 10
    /// While it is being kept: as it came, normalised, encoded, and sealed for the disk.
    private static let copies = 4

    private let loop: EventLoop
    private let settings: Settings
    private let tls: TLSContext?
    private let users: SubmissionUsers?
    private let key: SecretBytes
    private let onLetter: Keeper
    private let worker: BackgroundWorker
    private let memory = Link.Memory()
    private var listeners: [TCPListener] = []
    private var visits: [Int: Visit] = [:]
    private var lastNumber = 0
    private var heldBytes = 0
    private var sweep: Timer?
    package private(set) var counts = Counts()

    private final class Visit {
        let number: Int
        let link: Link
        var session: SubmissionSession
        var heldBytes = 0
        /// Of the letter that is being kept.
        var keptBytes = 0
        let end: Instant
        var deadline: Instant

        init(_ number: Int, _ link: Link, _ session: SubmissionSession, deadline: Instant, end: Instant) {
            (self.number, self.link, self.session, self.deadline, self.end) = (number, link, session, deadline, end)
        }
    }

    /// - Parameters:
    ///   - tls: without it neither STARTTLS nor a TLS port can be had.
    ///   - users: without them everybody who can connect may send, and only loopback is listened on.
    ///   - key: known to this mote only, 32 bytes: it makes the ids of letters.
    package init(loop: EventLoop, settings: Settings, tls: TLSContext?, users: SubmissionUsers?, key: SecretBytes, onLetter: @escaping Keeper) {
        (self.loop, self.settings, self.tls, self.users, self.key, self.onLetter) = (loop, settings, tls, users, key, onLetter)
        worker = BackgroundWorker(loop: loop, jobLimit: 256)
        sweep = loop.every(.seconds(1)) { [weak self] in self?.sweepSlow() }
    }

    deinit {
        sweep?.cancel()
        for visit in visits.values { visit.link.close() }
    }

    /// - Parameter isSecure: TLS from the first byte on (RFC 8314), which needs `tls`.
    /// - Returns: the address, with the port that the system chose for 0.
    /// - Throws: `Unsafe`, or `FileError` when the port is taken.
    @discardableResult
    package func listen(on address: SocketAddress, isSecure: Bool = false) throws -> SocketAddress {
        guard address.ip.isLoopback || (users != nil && tls != nil), !isSecure || tls != nil else { throw Unsafe() }
        let listener = try TCPListener(loop: loop, address: address) { [unowned self] fd, _ in admit(fd, isSecure: isSecure) }
        listeners.append(listener)
        return listener.address
    }

    /// A connection that came some other way, in the clear, from somebody who is known to be allowed to send as far as this socket goes.
    package func admit(_ fd: Int32) { admit(fd, isSecure: false) }

    /// Takes no more connections and ends the sessions that have no letter on its way; others end after it.
    package func stop() {
        for listener in listeners { listener.close() }
        listeners = []
        for visit in visits.values where !visit.session.isWaiting { perform(visit.session.stop(Self.leaving), visit) }
    }

    package var sessionCount: Int { visits.count }

    private static let leaving = SMTPReply(421, "4.3.2", "this service ends; come again")
    private static let late = SMTPReply(421, "4.4.2", "nothing came for too long")
    private static let crowded = SMTPReply(421, "4.3.2", "too many sessions; come again later")

    // MARK: Sessions

    private func admit(_ fd: Int32, isSecure: Bool) {
        if visits.count >= settings.sessionsLimit { makeRoom() }
        guard visits.count < settings.sessionsLimit else { return Sockets.close(fd) }
        counts.sessions += 1
        lastNumber += 1
        var own = settings.session
        (own.offersTLS, own.isSecure, own.needsUser) = (tls != nil && !isSecure, isSecure, users != nil)
        let link = Link(loop: loop, fd: fd, memory: memory)
        link.unsentLimitBytes = Self.unsentLimitBytes
        let visit = Visit(lastNumber, link, SubmissionSession(own), deadline: loop.now + (isSecure ? settings.handshakePatience : settings.patience), end: loop.now + settings.life)
        visits[visit.number] = visit
        link.onBytes = { [unowned self, unowned visit] in heard($0, visit) }
        link.onEnd = { [unowned self, number = visit.number] in forget(number) }
        if isSecure { startTLS(visit, greets: true) } else { perform(visit.session.greet(), visit) }
    }

    /// As soon as all replies are out.
    private func startTLS(_ visit: Visit, greets: Bool) {
        guard let tls else { return }
        visit.link.secure(tls, isServer: true) { [unowned self, unowned visit] isSecured in
            if isSecured { secured(visit, greets: greets) } else { forget(visit.number) }
        }
    }

    private func secured(_ visit: Visit, greets: Bool) {
        visit.deadline = loop.now + settings.patience
        perform(greets ? visit.session.greet() : visit.session.secured(), visit)
        visit.link.setPaused(false)
    }

    private func heard(_ bytes: [UInt8], _ visit: Visit) {
        visit.deadline = loop.now + settings.patience
        perform(visit.session.receive(bytes), visit)
        account(visit)
    }

    private func perform(_ effects: [SubmissionSession.Effect], _ visit: Visit) {
        var replies: [UInt8] = []
        for case .reply(let bytes) in effects { replies += bytes }
        if !replies.isEmpty { visit.link.send(replies) }
        for effect in effects {
            switch effect {
            case .reply: break
            case .startTLS: startTLS(visit, greets: false)
            case .authenticate(let name, let password): authenticate(name, password, visit)
            case .keep(let submitted): keep(submitted, visit)
            case .close: visit.link.finish(lingering: Self.lingering)
            }
        }
    }

    private func account(_ visit: Visit) {
        heldBytes -= visit.heldBytes
        visit.heldBytes = visits[visit.number] == nil ? 0 : visit.session.heldBytes + visit.keptBytes
        heldBytes += visit.heldBytes
        guard heldBytes > settings.memoryBytes, visit.keptBytes == 0, visit.heldBytes > 0 else { return }
        visit.session.starve()
        heldBytes -= visit.heldBytes - visit.session.heldBytes
        visit.heldBytes = visit.session.heldBytes
    }

    private func forget(_ number: Int) {
        guard let visit = visits.removeValue(forKey: number) else { return }
        heldBytes -= visit.heldBytes
        visit.heldBytes = 0
    }

    private func makeRoom() {
        guard let slowest = visits.values.filter({ !$0.session.isWaiting && $0.session.heldBytes == 0 }).min(by: { $0.deadline < $1.deadline }) else { return }
        perform(slowest.session.stop(Self.crowded), slowest)
        slowest.link.close()
        forget(slowest.number)
    }

    private func sweepSlow() {
        for visit in visits.values where loop.now >= min(visit.deadline, visit.end) && (!visit.session.isWaiting || visit.link.isHandshaking) {
            if visit.session.isClosed { continue }
            perform(visit.session.stop(Self.late), visit)
        }
    }

    // MARK: What takes time

    private func answer(_ number: Int, _ effects: (inout SubmissionSession) -> [SubmissionSession.Effect]) {
        guard let visit = visits[number] else { return }
        visit.keptBytes = 0
        visit.deadline = loop.now + settings.patience
        perform(effects(&visit.session), visit)
        account(visit)
        visit.link.setPaused(visit.session.isWaiting)
    }

    private func authenticate(_ name: String, _ password: [UInt8], _ visit: Visit) {
        guard let users else { return }
        visit.link.setPaused(true)
        let number = visit.number
        let isTaken = worker.run({ users.isRight(name, password) }) { [weak self] isRight in self?.answer(number) { $0.authenticated(isRight) } }
        if !isTaken { answer(number) { $0.stop(Self.crowded) } }
    }

    private func keep(_ submitted: SubmittedLetter, _ visit: Visit) {
        visit.link.setPaused(true)
        visit.keptBytes = Self.copies * submitted.content.count
        let number = visit.number, key = key
        guard submitted.content.count > Self.largeBytes else { return normalised(Self.normalise(submitted, key), number) }
        let isTaken = worker.run({ Self.normalise(submitted, key) }) { [weak self] in self?.normalised($0, number) }
        if !isTaken { told(.noRoom, number) }
    }

    private static func normalise(_ submitted: SubmittedLetter, _ key: SecretBytes) -> Result<Letter, SMTPReply> {
        let id = Normaliser.id(of: submitted, key: key, random: SecureRandom.bytes(LetterID.bytesCount))
        do throws(SMTPReply) { return .success(try Normaliser.letter(of: submitted, id: id)) } catch { return .failure(error) }
    }

    private func normalised(_ result: Result<Letter, SMTPReply>, _ number: Int) {
        switch result {
        case .success(let letter): onLetter(letter) { [weak self] refusal in self?.told(refusal, number) }
        case .failure(let refusal): told(refusal, number)
        }
    }

    private func told(_ refusal: SMTPReply?, _ number: Int) {
        if refusal == nil { counts.letters += 1 } else { counts.refusals += 1 }
        answer(number) { $0.kept(refusal) }
    }
}

extension IPAddress {
    fileprivate var isLoopback: Bool { isIPv4 ? bytes.first == 127 : bytes == [UInt8](repeating: 0, count: 15) + [1] }
}
