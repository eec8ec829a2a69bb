internal import Ambience
internal import Exchange
internal import Glibc
internal import Loops
internal import Relaying
internal import Sealing
internal import Synchronization

/// The gate of a mote that is on the exchange, on a thread of its own: a token costs as much as hundreds of cells, and a disk more. What
/// comes while the disk is busy is written down together.
final class GateDesk: GateKeeper {
    /// Messages that wait; at the bound a further one is not answered, and its sender comes again.
    static let waitingLimit = 1024
    /// Messages that are answered with one write to the disk.
    static let batchLimit = 64

    /// Permits under which the mote is sold at the same time: the present one, and the next ones. The oldest goes at the bound.
    private static let lotsLimit = 4

    /// Each permit has a key of its own, so a mote that is listed again goes on under another one when the first permit's slices are over.
    private struct Lot {
        let key: [UInt8]
        var offer: MoteOffer
        var counter: GateCounter<BookedAccess>
    }

    private struct Asked: Sendable {
        let message: [UInt8]
        let exporter: [UInt8]
        let done: @Sendable (GateVerdict?) -> Void
    }

    // SAFETY: only touched under the lock below; OpenSSL does not change a key when it checks a signature.
    private struct State: @unchecked Sendable {
        var lots: [Lot] = []
        var fileBytes: Int
        /// What a failed write left could not be taken away: whatever came behind it would be unreadable.
        var isBroken = false

        /// Which is sold in that slice; the newest answers for those in which none is.
        func index(of slice: Slice) -> Int { lots.lastIndex { $0.offer.slices.contains(slice) } ?? lots.count - 1 }

        var isFull: Bool { isBroken || fileBytes + GateDesk.batchLimit * SpendRecord.bytesCount > SpendRecord.fileLimitBytes }
    }

    private let time: MarketTime
    private let spends: SpendFile
    private let state: Mutex<State>
    private let waiting = Mutex<[Asked]>([])
    private let queue = WorkQueue(limit: 4)
    private let threads: [WorkThread]

    init(_ time: MarketTime, spends: SpendFile) throws(FileError) {
        (self.time, self.spends) = (time, spends)
        let records = try spends.load(at: time.slice(at: SystemTime().wall.secondsSinceEpoch))
        state = Mutex(State(fileBytes: records.count * SpendRecord.bytesCount))
        threads = queue.staff(1, name: "gate")
    }

    deinit {
        queue.close()
        for thread in threads { thread.detach() }
    }

    /// The offer that holds for the key; earlier ones stay until their slices are over. All go by these keys of the exchange and these owners.
    func renew(_ offer: MoteOffer, _ key: Ed25519Key, owners: Set<[UInt8]>, keys: BookedAccess, at now: Slice) throws(FileError) {
        nonisolated(unsafe) let keys = keys  // SAFETY: as with `State`.
        let admitted = SpendRecord.all(in: try Files.read(spends.path))
        state.withLock { state in
            if let index = state.lots.firstIndex(where: { $0.key == key.publicKey }) {
                state.lots[index].offer = offer
            } else {
                let counter = GateCounter(key: key, offer: offer, owners: owners, keys: keys, admitted: admitted)
                state.lots.append(Lot(key: key.publicKey, offer: offer, counter: counter))
            }
            state.lots.removeAll { $0.offer.slices.upperBound < now && $0.key != key.publicKey }
            state.lots.removeFirst(max(0, state.lots.count - Self.lotsLimit))
            for index in state.lots.indices { state.lots[index].counter.renew(state.lots[index].offer, owners: owners, keys: keys) }
        }
    }

    /// Our public key on the exchange in that slice.
    func key(at slice: Slice) -> [UInt8]? {
        state.withLock { state in
            let index = state.index(of: slice)
            return state.lots.indices.contains(index) ? state.lots[index].key : nil
        }
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
            let lots = batch.map { state.index(of: Self.slice($0.message, now)) }
            guard !state.lots.isEmpty else { return batch.map { _ in nil } }
            var verdicts = zip(batch, lots).map { state.lots[$1].counter.answer($0.message, exporter: $0.exporter, at: now, isFull: state.isFull) }
            let records = verdicts.compactMap { $0?.record }
            if !records.isEmpty, !keep(records, &state) { verdicts = zip(verdicts, lots).map { verdict, lot in verdict.map(state.lots[lot].counter.unwritten) } }
            return verdicts.map { $0.map(translated) }
        }
    }

    private static func slice(_ message: [UInt8], _ now: Slice) -> Slice {
        switch try? GateQuestion(message) {
        case .ask(let slice)?: slice == .present ? now : slice
        case .token(let slice, _, _, _)?, .owner(let slice, _, _)?: slice
        case nil: now
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
