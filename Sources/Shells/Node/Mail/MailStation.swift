internal import Ambience
internal import Bytes
internal import CLinux
internal import Glibc
internal import Logging
internal import Loops
internal import Mixing
internal import Spool

/// A station of the mix at work: its records in the spool, its packets over circuits, its time from the loop.
final class MailStation {
    typealias Call = (_ mote: MixID, _ body: [UInt8], _ done: @escaping ([UInt8]?) -> Void) -> Void

    private let loop: EventLoop
    private let spool: Spool
    private let call: Call
    private let log = Logger(label: "mail")
    private var station: MixStation
    private var batches: [Int: ([UInt8]) -> Void] = [:]
    private var lastBatch = 0
    private var waiting: [ParcelID: [(Bool) -> Void]] = [:]
    private var timer: Loops.Timer?
    private let worker: BackgroundWorker
    private var isPerforming = false
    private var isStopped = false
    /// A letter ends here; the last is to be called once it is kept elsewhere, with `false` if it cannot be now.
    var onLetter: ((ParcelID, Parcel.Task, _ content: [UInt8], _ returning: [UInt8], _ done: @escaping (Bool) -> Void) -> Void)?
    /// What became of a letter that was taken here. The last is to be called once the report is kept elsewhere, with `false` if it cannot be now.
    var onReturn: ((_ note: [UInt8], _ report: [UInt8], _ done: @escaping (Bool) -> Void) -> Void)?
    /// A letter that was taken here found no way. The last is to be called once its sender will hear of it, with `false` if that cannot be now.
    var onGivenUp: ((ParcelID, Errand, _ done: @escaping (Bool) -> Void) -> Void)?
    /// What was passed on is the successor's.
    var onPassed: ((ParcelID) -> Void)?

    private static let retry = Instant.Span.seconds(5)
    /// Of a letter that is sealed, cut or put together on the loop itself: a millisecond or two.
    private static let shortBytes = 64 << 10

    init(loop: EventLoop, spool: Spool, station: MixStation, call: @escaping Call) {
        (self.loop, self.spool, self.station, self.call) = (loop, spool, station, call)
        worker = BackgroundWorker(loop: loop, jobLimit: 2 * MixStation.lettersLimit)
    }

    /// Goes on with what an earlier process wrote down.
    func start() throws(FileError) {
        var records: [(kind: StationRecord.Kind, id: [UInt8], payload: [UInt8])] = []
        for kind in StationRecord.Kind.allCases {
            for id in spool.ids(of: kind.rawValue) { records.append((kind, id, kind == .gone ? [] : try spool.payload(of: id) ?? [])) }
        }
        step { $0.resume(records, at: now) }
    }

    func stop() {
        isStopped = true
        timer?.cancel()
    }

    private var now: MixTime { Self.now() }

    static func now() -> MixTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return MixTime(milliseconds: UInt64(max(0, time.tv_sec)) * 1000 + UInt64(time.tv_nsec) / 1_000_000)
    }

    // MARK: From outside

    /// Packets from another mote; `done` gets one byte for each, once they are durable.
    func take(_ packets: [[UInt8]], _ done: @escaping ([UInt8]) -> Void) {
        lastBatch += 1
        batches[lastBatch] = done
        step { $0.take(packets, batch: lastBatch, at: now) }
    }

    /// - Parameter done: whether it is ours now, for good.
    func accept(_ id: ParcelID, _ errand: Errand, _ done: @escaping (Bool) -> Void) {
        waiting[id, default: []].append(done)
        step { $0.accept(id, errand) }
    }

    func follow(_ map: MixMap) { step { $0.follow(map, at: now) } }
    /// - Parameter done: whether it is ours now, for good.
    func report(_ id: ParcelID, _ content: [UInt8], returning: [UInt8], _ done: @escaping (Bool) -> Void) {
        waiting[id, default: []].append(done)
        step { $0.report(id, content, returning: returning) }
    }
    func passOn(_ id: ParcelID, _ task: Parcel.Task, _ content: [UInt8], returning: [UInt8]) { step { $0.passOn(id, task, content, returning: returning) } }
    func leave() { step { $0.leave() } }
    var isEmpty: Bool { station.isEmpty && batches.isEmpty }
    var status: MixStation.Status { station.status(at: now) }

    // MARK: Effects

    private func step(_ body: (inout MixStation) -> Void) {
        guard !isStopped else { return }
        body(&station)
        perform()
        arm()
    }

    private func perform() {
        guard !isPerforming else { return }
        isPerforming = true
        defer { isPerforming = false }
        while true {
            let effects = station.takeEffects()
            guard !effects.isEmpty else { return }
            for effect in effects { perform(effect) }
        }
    }

    private func arm() {
        timer?.cancel()
        let wait = max(1, station.deadline(at: now) - now)
        timer = loop.after(.milliseconds(Int64(clamping: wait))) { [weak self] in self?.turn() }
    }

    private func turn() { step { $0.turn(at: now) } }

    private func perform(_ effect: MixStation.Effect) {
        switch effect {
        case .store(let ticket, let changes): store(ticket, changes)
        case .work(let work): perform(work)
        case .answer(let batch, let verdicts): batches.removeValue(forKey: batch)?(verdicts.map(\.rawValue))
        case .send(let mote, let packets): send(packets, to: mote)
        case .accepted(let id, let isOurs): for done in waiting.removeValue(forKey: id) ?? [] { done(isOurs) }
        case .taken: break
        case .hand(let id, let task, let content, let returning): hand(id, task, content, returning)
        case .passed(let id): onPassed?(id)
        case .returned(_, let note, let report, let packet): tell(note, report, packet)
        case .givenUp(let id, let errand): giveUp(id, errand)
        }
    }

    private func perform(_ work: MixWork) {
        let done = { [weak self] (outcome: MixWork.Outcome) -> Void in
            guard let self else { return }
            step { $0.worked(outcome, at: self.now) }
        }
        guard work.bytes > Self.shortBytes, worker.run({ work.run() }, done) else { return done(work.run()) }
    }

    private func store(_ ticket: Int?, _ changes: [StationRecord.Change]) {
        let changes = changes.map { change in
            switch change {
            case .put(let kind, let id, let payload): SpoolChange.append(kind: kind.rawValue, id: id, payload: payload)
            case .remove(let id): SpoolChange.remove(id: id)
            }
        }
        guard let ticket else { return spool.commit(changes, done: nil) }
        spool.commit(changes) { [weak self] result in
            guard let self else { return }
            if case .failure(let error) = result { log.warning("Cannot keep what came: \(error)") }
            let isDurable = if case .success = result { true } else { false }
            step { $0.stored(ticket, isDurable, at: self.now) }
        }
    }

    private func send(_ packets: [[UInt8]], to mote: MixID) {
        let began = now.milliseconds
        call(mote, packets.flatMap(\.self)) { [weak self] answer in
            guard let self else { return }
            let verdicts = answer.map { $0.compactMap { MixStation.Verdict(rawValue: $0) } }
            // No more than who watches the links sees: `Tests/Mail/adversary.py` is told so.
            log.debug("At \(began) ms went \(verdicts?.count { $0 == .held } ?? 0) packets to \(Hex.lower(mote.bytes))")
            step { $0.landed(mote, verdicts, at: self.now) }
        }
    }

    /// Until a report is kept elsewhere it comes again.
    private func tell(_ note: [UInt8], _ report: [UInt8], _ packet: ReplayTag) {
        guard !isStopped, let onReturn else { return }
        onReturn(note, report) { [weak self] isKept in
            guard let self else { return }
            if isKept { step { $0.noted(packet) } } else { loop.after(Self.retry) { [weak self] in self?.tell(note, report, packet) } }
        }
    }

    private func giveUp(_ id: ParcelID, _ errand: Errand) {
        guard !isStopped, let onGivenUp else { return }
        onGivenUp(id, errand) { [weak self] isTold in
            guard let self else { return }
            if isTold { step { $0.told(id) } } else { loop.after(Self.retry) { [weak self] in self?.giveUp(id, errand) } }
        }
    }

    /// Until it is kept elsewhere it is ours; whoever cannot keep it is asked again.
    private func hand(_ id: ParcelID, _ task: Parcel.Task, _ content: [UInt8], _ returning: [UInt8]) {
        guard !isStopped else { return }
        guard !station.isLeaving else { return step { $0.passOnArrived(id, content) } }
        let again = { [weak self] in _ = self?.loop.after(Self.retry) { self?.hand(id, task, content, returning) } }
        guard let onLetter else { return again() }
        onLetter(id, task, content, returning) { [weak self] isKept in
            if isKept { self?.step { $0.settled(id) } } else { again() }
        }
    }
}
