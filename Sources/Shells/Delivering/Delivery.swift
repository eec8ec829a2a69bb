package import Ambience
internal import Bytes
package import Letters
package import Loops
package import Outgoing
internal import Sealing
package import Spool

/// The way out: a letter that has come through the mix is brought to those whom it is for.
///
/// 1. `deliver` writes it into the spool and says so; from then on it is not lost.
/// 2. After a random wait an attempt finds the servers of each recipient's domain (`RouteFinder`) and brings the letter to the first that takes it (`SMTPSession`).
/// 3. Who has it, or never can have it, is written down after each attempt, so nobody gets it twice, unless a server's last answer is lost: then it comes again
///    with the same Message-ID.
/// 4. The others are tried again at random times for five days (`RetrySchedule`).
/// 5. At the end the letter leaves the spool in the same commit that brings a report in, if there is something to tell and a way back. `onReport` gets it, again and
///    after each start until it says that it has it.
package final class Delivery {
    package struct Report {
        /// To be laid into the sender's mailbox.
        package let letter: Letter
        /// What came with the letter that it is about.
        package let returning: [UInt8]
        /// Since that letter came.
        package let ageSeconds: Int64
    }

    /// What is known of it now.
    package struct Status: Hashable, Sendable {
        package var waiting: Int
        package var underWay: Int
        package var oldest: WallTime?
        package var delivered: Int
        package var failed: Int
        package var deferred: Int
    }

    package enum Trouble: Error, CustomStringConvertible {
        case trust(String)

        package var description: String {
            switch self {
            case .trust(let file): "no certificates can be read from \(file)"
            }
        }
    }

    enum Kind {
        static let letter: UInt8 = 1, progress: UInt8 = 2, report: UInt8 = 3, policy: UInt8 = 4
    }

    private static let tick = Instant.Span.seconds(Int64(1))
    /// Until a report is told again that nobody could take.
    private static let reportPause = Instant.Span.seconds(Int64(60))

    private let loop: EventLoop
    private let spool: Spool
    private let settings: DeliverySettings
    private let dialling: Dialling
    private let finder: RouteFinder
    private let context: TLSContext
    private var queue: DeliveryQueue
    private var random = SecureRandom()
    /// Who waits for letters that are not on disk yet.
    private var writing: [LetterID: [(Bool) -> Void]] = [:]
    private var running = 0
    private var counts = (delivered: 0, failed: 0, deferred: 0)
    private var timer: Loops.Timer?
    private var isStopped = false

    /// Takes a report over; its callback says whether it is durable elsewhere.
    package var onReport: ((Report, @escaping (Bool) -> Void) -> Void)? { didSet { tellReports() } }
    /// Sentences for the log, which name servers and neither letters nor recipients.
    package var onNews: ((String) -> Void)?

    /// - Parameter spool: nobody else's; what is in it is gone on with.
    package init(loop: EventLoop, spool: Spool, settings: DeliverySettings) throws(Trouble) {
        guard let context = TLSContext(believing: settings.trustFile) else { throw .trust(settings.trustFile ?? "the system's store") }
        (self.loop, self.spool, self.settings, self.context) = (loop, spool, settings, context)
        dialling = Dialling(loop: loop, proxy: settings.proxy)
        finder = RouteFinder(settings, dialling, StubResolver(dialling, servers: settings.resolvers), context, PolicyShelf(spool, at: loop.wall))
        queue = DeliveryQueue(schedule: settings.schedule)
        recover()
        timer = loop.every(Self.tick) { [weak self] in self?.work() }
    }

    /// Takes a letter, once: one that is known counts as taken.
    ///
    /// - Parameters:
    ///   - returning: what a report is to be sent back with; nothing: nobody is told.
    ///   - done: on the loop; `true` once it is durable here.
    package func deliver(_ letter: Letter, returning: [UInt8] = [], done: @escaping (Bool) -> Void) {
        guard let queued = QueuedLetter(letter, accepted: loop.wall, trace: random.next(), returning: returning) else { return loop.soon { done(false) } }
        switch queue.admit(letter, at: loop.wall) {
        case .full: loop.soon { done(false) }
        case .known where writing[letter.id] != nil: writing[letter.id]?.append(done)
        case .known: loop.soon { done(true) }
        case .taken:
            writing[letter.id] = [done]
            spool.append(kind: Kind.letter, id: letter.id.bytes, payload: queued.encoded) { [weak self] in self?.written(letter.id, $0) }
        }
    }

    private func written(_ id: LetterID, _ result: Result<Void, SpoolError>) {
        let isWritten = if case .success = result { true } else { false }
        if case .failure(let error) = result { onNews?("a letter could not be kept: \(error)") }
        queue.written(id, due: isWritten ? firstTime() : nil)
        for done in writing.removeValue(forKey: id) ?? [] { done(isWritten) }
    }

    package var status: Status {
        Status(waiting: queue.waiting, underWay: running, oldest: queue.oldest, delivered: counts.delivered, failed: counts.failed, deferred: counts.deferred)
    }

    /// Whether nothing would be lost if this ended now: no letter is here, and no report that nobody else keeps.
    package var isEmpty: Bool { queue.waiting == 0 && spool.ids(of: Kind.report).isEmpty }

    /// Begins no further attempt; those under way go on, and what became of letters is still told.
    package func stop() {
        isStopped = true
        timer?.cancel()
    }

    /// Letters that nobody is bringing now, for somebody else who goes on with them; each with those who have not got it. `handedOver` forgets one that is durable there.
    /// - Parameter limit: so many at most; the others when this is asked again.
    package func waitingLetters(upTo limit: Int) -> [(letter: QueuedLetter, progress: Progress)] {
        var all: [(QueuedLetter, Progress)] = []
        while all.count < limit, let (id, progress) = queue.next(at: WallTime(secondsSinceEpoch: .max / 2)) {
            if let queued = read(id) { all.append((queued, progress)) }
        }
        return all
    }

    /// One of `waitingLetters` is somebody else's now.
    package func handedOver(_ id: LetterID) { end(id, nil) }

    // MARK: From the spool

    private func recover() {
        for bytes in spool.ids(of: Kind.letter) {
            guard let id = LetterID(bytes), let queued = read(id) else { continue }
            let progress = (try? spool.payload(of: Self.progressID(id))).flatMap { $0 }.flatMap(Progress.init(decoding:)) ?? Progress()
            queue.recovered(queued, progress, due: firstTime())
        }
    }

    private func read(_ id: LetterID) -> QueuedLetter? { (try? spool.payload(of: id.bytes)).flatMap { $0 }.flatMap(QueuedLetter.init(decoding:)) }

    /// Drawn, so that nobody who sees letters come sees which of them goes.
    private func firstTime() -> WallTime {
        loop.wall + Int64(min(20, exponential()) * settings.firstWaitSeconds)
    }

    private func exponential() -> Double { RetrySchedule.exponential(&random) }

    private static func progressID(_ id: LetterID) -> [UInt8] { id.bytes + [Kind.progress] }

    // MARK: Attempts

    private func work() {
        while !isStopped, running < settings.sessionsLimit, let (id, progress) = queue.next(at: loop.wall) {
            guard let queued = read(id) else {
                onNews?("a letter could not be read again")
                continue
            }
            running += 1
            DeliveryAttempt.run(queued, progress, settings, dialling, finder, context, tell: { [weak self] in self?.tell($0, $1) }) { [weak self] in self?.tried(queued, $0) }
        }
    }

    private func tell(_ hop: MailHop, _ verdict: SMTPVerdict) {
        guard case .deferred(let reason) = verdict else { return }
        onNews?("\(hop.host):\(hop.port): \(reason.text)")
    }

    private func tried(_ queued: QueuedLetter, _ verdicts: [Int: SMTPVerdict]) {
        running -= 1
        count(verdicts)
        let id = queued.letter.id
        switch queue.tried(id, verdicts, at: loop.wall, &random) {
        case nil: break
        case .over(let progress): end(id, report(on: queued, progress))
        case .again(let progress, let due):
            guard !progress.settled.isEmpty else { return queue.written(id, due: due) }
            // Even if it cannot be written: this process knows.
            spool.append(kind: Kind.progress, id: Self.progressID(id), payload: progress.encoded) { [weak self] _ in self?.queue.written(id, due: due) }
        }
    }

    private func count(_ verdicts: [Int: SMTPVerdict]) {
        for verdict in verdicts.values {
            switch verdict {
            case .delivered: counts.delivered += 1
            case .failed: counts.failed += 1
            case .deferred: counts.deferred += 1
            }
        }
    }

    // MARK: The end of a letter

    private func report(on queued: QueuedLetter, _ progress: Progress) -> Report? {
        guard !queued.returning.isEmpty, let id = LetterID(SecureRandom.bytes(LetterID.bytesCount)) else { return nil }
        return DeliveryReport.letter(on: queued.letter, progress, id: id, boundary: Hex.lower(SecureRandom.bytes(16)), name: settings.name)
            .map { Report(letter: $0, returning: queued.returning, ageSeconds: loop.wall - queued.accepted) }
    }

    private func end(_ id: LetterID, _ report: Report?) {
        var changes: [SpoolChange] = [.remove(id: id.bytes), .remove(id: Self.progressID(id))]
        if let report, let kept = QueuedLetter(report.letter, accepted: loop.wall - report.ageSeconds, trace: 0, returning: report.returning) {
            changes.append(.append(kind: Kind.report, id: report.letter.id.bytes, payload: kept.encoded))
        }
        spool.commit(changes) { [weak self] result in
            guard let self else { return }
            if case .failure(let error) = result { onNews?("what became of a letter could not be written down: \(error)") }
            queue.finished(id)
            if let report { tellReport(report) }
        }
    }

    private func tellReports() {
        guard onReport != nil else { return }
        for id in spool.ids(of: Kind.report) { tellReport(id) }
    }

    /// One that is in the spool.
    private func tellReport(_ id: [UInt8]) {
        guard let kept = (try? spool.payload(of: id)).flatMap({ $0 }).flatMap(QueuedLetter.init(decoding:)) else { return }
        tellReport(Report(letter: kept.letter, returning: kept.returning, ageSeconds: loop.wall - kept.accepted))
    }

    private func tellReport(_ report: Report) {
        let id = report.letter.id.bytes
        onReport?(report) { [weak self] isKept in
            guard let self else { return }
            // However many cannot be taken now, meanwhile they are on disk alone.
            if isKept { spool.remove(id) } else { loop.after(Self.reportPause) { [weak self] in self?.tellReport(id) } }
        }
    }
}
