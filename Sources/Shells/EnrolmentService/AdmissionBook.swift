internal import Ambience
internal import Enrolment
internal import Leasing
internal import Synchronization

/// The registry, on disk and in memory, shared by the coordinator's threads. Whatever changes is durable before it counts.
final class AdmissionBook: Sendable {
    /// How long admissions are kept after the end of their leases, for those who ask later how a mote enrolled.
    static let historySeconds: Int64 = 30 * 86400
    /// Older reports say nothing any more.
    private static let reportSeconds: Int64 = 15

    private let files: AdmissionFiles
    private let registry: Mutex<Registry>
    private let reports = Mutex<[MoteKey: (report: MoteReport, at: Instant)]>([:])
    let tell: @Sendable (EnrolmentNews) -> Void

    init(_ files: AdmissionFiles, tell: @escaping @Sendable (EnrolmentNews) -> Void) throws(FileError) {
        let (admissions, damaged) = try files.load()
        for path in damaged { tell(.trouble("an enrolment cannot be read: \(path)")) }
        self.files = files
        self.tell = tell
        registry = Mutex(Registry(admissions))
    }

    func admission(of key: MoteKey) -> Admission? { registry.withLock { $0.admissions[key] } }

    func admit(_ admission: Admission) throws(FileError) {
        try registry.withLock { registry throws(FileError) in
            guard registry.admissions.count < Registry.admissionsLimit || registry.admissions[admission.key] != nil else {
                throw FileError(path: "more than \(Registry.admissionsLimit) motes", operation: "admit", code: 12)
            }
            try save(admission, in: &registry)
        }
    }

    func order(_ wanted: StandingOrder.Wanted, endsBy expires: WallTime?, _ key: MoteKey) throws(FileError) -> Bool {
        try registry.withLock { registry throws(FileError) in
            guard let admission = registry.ordered(wanted, endsBy: expires, key) else { return false }
            if admission != registry.admissions[key] { try save(admission, in: &registry) }
            return true
        }
    }

    /// The answer to a mote's message, after all that it says has been done is done. `nil` if that is impossible now: the mote will call again.
    func answer(_ message: MoteMessage, _ session: inout CoordinatorSession, now: WallTime, _ instant: Instant) throws(EnrolmentError) -> CoordinatorSession.Reply? {
        let copy = session
        let (after, reply, news) = try registry.withLock { registry throws(EnrolmentError) -> (CoordinatorSession, CoordinatorSession.Reply?, EnrolmentNews?) in
            var session = copy
            let reply = try session.answer(message, registry, now: now)
            guard let admission = reply.admission else { return (session, reply, nil) }
            let known = registry.admissions[admission.key]
            guard admission != known else { return (session, reply, nil) }
            do throws(FileError) { try save(admission, in: &registry) } catch { return (session, nil, .trouble("\(error)")) }
            return (session, reply, Self.news(admission, after: known))
        }
        session = after
        if let news { tell(news) }
        if let report = reply?.report, let key = session.mote { reports.withLock { $0[key] = (report, instant) } }
        return reply
    }

    func report(of key: MoteKey, now: Instant) -> MoteReport? {
        reports.withLock { $0[key].flatMap { now - $0.at <= .seconds(Self.reportSeconds) ? $0.report : nil } }
    }

    /// Forgets what is long over.
    func tidy(now: WallTime) {
        registry.withLock { registry in
            for key in registry.expired(by: Self.historySeconds, now: now) where (try? files.remove(key)) != nil { registry.forget(key) }
            let kept = Set(registry.admissions.values.lazy.filter { $0.expires > now }.map(\.key))
            reports.withLock { $0 = $0.filter { kept.contains($0.key) } }
        }
    }

    private func save(_ admission: Admission, in registry: inout Registry) throws(FileError) {
        try files.save(admission)
        registry.commit(admission)
    }

    private static func news(_ admission: Admission, after known: Admission?) -> EnrolmentNews? {
        guard let enrolled = admission.enrolled else { return nil }
        if known?.enrolled == nil { return .enrolled(admission.key, from: enrolled.peer) }
        return enrolled.names.flatMap { known?.enrolled?.names == nil ? .named(admission.key, $0) : nil }
    }
}
