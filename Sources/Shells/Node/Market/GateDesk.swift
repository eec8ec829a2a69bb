internal import Ambience
internal import Exchange
internal import Glibc
internal import Loops
internal import Relaying
internal import Synchronization

/// The gate of a mote that is on the exchange, on a thread of its own: a token costs as much as hundreds of cells, and a disk more. What
/// comes while the disk is busy is written down together.
final class GateDesk: GateKeeper {
    /// Messages that wait; at the bound a further one is not answered, and its sender comes again.
    static let waitingLimit = 1024
    /// Messages that are answered with one write to the disk.
    static let batchLimit = 64

    private struct Asked: Sendable {
        let message: [UInt8]
        let exporter: [UInt8]
        let done: @Sendable (GateVerdict?) -> Void
    }

    // SAFETY: only touched under the lock below; OpenSSL does not change a key when it checks a signature.
    private struct State: @unchecked Sendable {
        var counter: GateCounter<BookedAccess>
        var fileBytes: Int
        /// What a failed write left could not be taken away: whatever came behind it would be unreadable.
        var isBroken = false

        var isFull: Bool { isBroken || fileBytes + GateDesk.batchLimit * SpendRecord.bytesCount > SpendRecord.fileLimitBytes }
    }

    private let time: MarketTime
    private let spends: SpendFile
    private let state: Mutex<State>
    private let waiting = Mutex<[Asked]>([])
    private let queue = WorkQueue(limit: 4)
    private let threads: [WorkThread]

    /// - Parameter makeCounter: is told what was admitted before.
    init(_ time: MarketTime, spends: SpendFile, makeCounter: ([SpendRecord]) -> GateCounter<BookedAccess>) throws(FileError) {
        (self.time, self.spends) = (time, spends)
        let records = try spends.load(at: time.slice(at: SystemTime().wall.secondsSinceEpoch))
        let initial = State(counter: makeCounter(records), fileBytes: records.count * SpendRecord.bytesCount)
        state = Mutex(initial)
        threads = queue.staff(1, name: "gate")
    }

    deinit {
        queue.close()
        for thread in threads { thread.detach() }
    }

    func renew(_ offer: MoteOffer, owners: Set<[UInt8]>, keys: BookedAccess) {
        nonisolated(unsafe) let keys = keys  // SAFETY: as with `State`.
        state.withLock { $0.counter.renew(offer, owners: owners, keys: keys) }
    }

    func answer(_ message: [UInt8], exporter: [UInt8], _ done: @escaping @Sendable (GateVerdict?) -> Void) -> Bool {
        let count = waiting.withLock { waiting in
            guard waiting.count < Self.waitingLimit else { return 0 }
            waiting.append(Asked(message: message, exporter: exporter, done: done))
            return waiting.count
        }
        // Whoever finds others waiting need wake nobody: they are taken until there are none.
        if count == 1 { _ = queue.add { [weak self] in self?.work() } }
        return count > 0
    }

    private func work() {
        while true {
            let batch = waiting.withLock { waiting in
                defer { waiting.removeFirst(min(Self.batchLimit, waiting.count)) }
                return Array(waiting.prefix(Self.batchLimit))
            }
            guard !batch.isEmpty else { return }
            for (asked, verdict) in zip(batch, decide(batch)) { asked.done(verdict) }
        }
    }

    private func decide(_ batch: [Asked]) -> [GateVerdict?] {
        let now = time.slice(at: SystemTime().wall.secondsSinceEpoch)
        return state.withLock { state in
            var verdicts = batch.map { state.counter.answer($0.message, exporter: $0.exporter, at: now, isFull: state.isFull) }
            let records = verdicts.compactMap { $0?.record }
            if !records.isEmpty, !keep(records, &state) { verdicts = verdicts.map { $0.map(state.counter.unwritten) } }
            return verdicts.map { $0.map(translated) }
        }
    }

    private func keep(_ records: [SpendRecord], _ state: inout State) -> Bool {
        let bytes = records.flatMap(\.bytes)
        if spends.append(bytes) {
            state.fileBytes += bytes.count
            return true
        }
        state.isBroken = !spends.cut(to: state.fileBytes)
        return false
    }

    private func translated(_ verdict: GateCounter<BookedAccess>.Verdict) -> GateVerdict {
        GateVerdict(answer: verdict.answer, admitted: verdict.admitted.map { slice in
            WallTime(secondsSinceEpoch: time.start(of: slice))..<WallTime(secondsSinceEpoch: time.start(of: slice + 1))
        })
    }
}

/// The file `spends`: what a mote admitted, which its owner's wallet reads and deposits.
struct SpendFile: Sendable {
    let path: String

    /// What is still worth something. The rest, and what a crash left half written, is gone from the file after this.
    func load(at now: Slice) throws(FileError) -> [SpendRecord] {
        let file = Files.exists(path) ? try Files.read(path) : []
        let records = SpendRecord.all(in: file).filter { KeyRole.access(day: $0.slice.day).accepted.upperBound > now }
        if !Files.exists(path) || records.count * SpendRecord.bytesCount != file.count { try Files.replace(path, with: records.flatMap(\.bytes)) }
        return records
    }

    /// Durable when it is `true`.
    func append(_ bytes: [UInt8]) -> Bool { (try? Files.append(path, bytes)) != nil }

    func cut(to size: Int) -> Bool { truncate(path, size) == 0 }
}
