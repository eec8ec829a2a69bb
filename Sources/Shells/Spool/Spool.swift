package import Ambience
package import Loops
package import Sealing
internal import Synchronization

/// What must outlive a killed process and lost power: letters, packets and what else mail is about, each with an id and sealed.
///
/// Made on a loop and used there. A thread of its own writes: whatever commits wait then go to disk together with one sync, and each is told so on the loop.
package final class Spool {
    private let shared: Shared
    private let queue = WorkQueue(limit: 8)
    private let staff: [WorkThread]
    private let limits: SpoolLimits
    private var waiting: [Int: (Result<Void, SpoolError>) -> Void] = [:]
    private var lastTicket = 0

    /// Reads what is there, which may take a while for much.
    ///
    /// - Parameters:
    ///   - key: 32 bytes; without one records are only protected against damage.
    ///   - disk: nobody else may use it.
    ///   - forgetsForeign: deletes what was written with another key, which is then gone for good.
    package init(loop: EventLoop, key: SecretBytes?, disk: any SpoolDisk, limits: SpoolLimits = SpoolLimits(), forgetsForeign: Bool = false) throws(FileError) {
        self.limits = limits
        let writer = try SpoolWriter(key: key ?? SecretBytes([UInt8](repeating: 0, count: XChaCha20Poly1305.keyBytes)), disk: disk, limits: limits)
        (foreignSegments, damagedRecords) = (writer.foreign.count, writer.damagedRecords)
        if forgetsForeign { try writer.removeForeign() }
        shared = Shared(writer, mailbox: loop.mailbox, batchBytes: limits.batchBytes)
        staff = queue.staff(1, name: "spool")
        loop.onWake { [weak self] in self?.deliver() }
    }

    deinit { close() }

    /// In a folder of the system's, which is made where it is missing.
    package convenience init(loop: EventLoop, key: SecretBytes?, folder: String, limits: SpoolLimits = SpoolLimits(), forgetsForeign: Bool = false) throws(FileError) {
        try self.init(loop: loop, key: key, disk: try SpoolFolder(folder), limits: limits, forgetsForeign: forgetsForeign)
    }

    /// Ids of what is there, of one kind or all, in no order.
    package func ids(of kind: UInt8? = nil) -> [[UInt8]] { shared.writer.index.ids(of: kind) }
    package func contains(_ id: [UInt8]) -> Bool { shared.writer.index.place(of: id) != nil }
    package var count: Int { shared.writer.index.count }
    package var liveBytes: Int { shared.writer.index.liveBytes }
    /// Asked of the disk since the start.
    package var syncs: Int { shared.syncs }
    /// Nothing more is taken now.
    package var isFull: Bool { liveBytes + shared.waitingBytes >= limits.liveBytes }
    /// Segments that were written with a key that is not ours, at the start.
    package let foreignSegments: Int
    /// Records that could not be read then, though later ones could.
    package let damagedRecords: Int

    /// Reads from disk, always the whole commit it came with; `nil` for what is not there.
    package func payload(of id: [UInt8]) throws(FileError) -> [UInt8]? {
        guard let (place, segment) = shared.writer.index.source(of: id), let record = try segment.record(at: place.offset),
            case .append(_, _, let payload)? = record.changes.last(where: { $0.id == id })
        else { return nil }
        return payload
    }

    /// - Parameters:
    ///   - id: at most 255 bytes; what has it already is replaced.
    ///   - payload: at most 32 MiB.
    ///   - done: on the loop, once it is on stable storage, or why it is not.
    package func append(kind: UInt8, id: [UInt8], payload: [UInt8], done: @escaping (Result<Void, SpoolError>) -> Void) {
        commit([.append(kind: kind, id: id, payload: payload)], done: done)
    }

    /// - Parameter done: on the loop, once it is gone for good. Without it nothing is synced for its sake: after lost power it may be back.
    package func remove(_ id: [UInt8], done: ((Result<Void, SpoolError>) -> Void)? = nil) { commit([.remove(id: id)], done: done) }

    /// All of the changes or none, whatever happens. What is asked for is done in the order of asking.
    package func commit(_ changes: [SpoolChange], done: ((Result<Void, SpoolError>) -> Void)?) {
        precondition(changes.allSatisfy { $0.id.count < 256 }, "an id has at most 255 bytes")
        lastTicket += 1
        let ticket = done == nil ? nil : lastTicket
        let weight = changes.reduce(0) { $0 + $1.weight }, grows = changes.contains { if case .append = $0 { true } else { false } }
        let fits = weight < SpoolRecord.bodyLimit && (!grows || liveBytes + shared.waitingBytes + weight <= limits.liveBytes)
        if let ticket, let done { waiting[ticket] = done }
        guard fits, shared.add(.init(ticket: ticket, changes: changes, weight: weight), limits) else {
            guard let ticket else { return }
            return shared.refuse(ticket)
        }
        let shared = shared
        if shared.needsWriter { _ = queue.add { shared.write() } }
    }

    private func deliver() {
        for (ticket, result) in shared.takeResults() { waiting.removeValue(forKey: ticket)?(result) }
    }

    /// Ends the thread after the batch it is at. What waits is neither done nor answered.
    package func close() {
        queue.close()
        for thread in staff { thread.join() }
    }
}

/// What both threads see.
private final class Shared: Sendable {
    struct Commit: Sendable {
        let ticket: Int?
        let changes: [SpoolChange]
        let weight: Int
    }

    private struct State {
        var commits: [Commit] = []
        var waitingBytes = 0
        var results: [(Int, Result<Void, SpoolError>)] = []
        var isWriterCalled = false
        var syncs = 0
    }

    let writer: SpoolWriter
    private let mailbox: Mailbox
    private let batchBytes: Int
    private let state = Mutex(State())

    init(_ writer: SpoolWriter, mailbox: Mailbox, batchBytes: Int) { (self.writer, self.mailbox, self.batchBytes) = (writer, mailbox, batchBytes) }

    var syncs: Int { state.withLock { $0.syncs } }
    var waitingBytes: Int { state.withLock { $0.waitingBytes } }

    func add(_ commit: Commit, _ limits: SpoolLimits) -> Bool {
        state.withLock { state in
            guard state.commits.count < limits.waitingCommits, state.waitingBytes + commit.weight <= limits.waitingBytes else { return false }
            state.commits.append(commit)
            state.waitingBytes += commit.weight
            return true
        }
    }

    /// True once until `write` has nothing more to do.
    var needsWriter: Bool {
        state.withLock { state in
            defer { state.isWriterCalled = true }
            return !state.isWriterCalled
        }
    }

    func refuse(_ ticket: Int) { tell([(ticket, .failure(.full))]) }

    func takeResults() -> [(Int, Result<Void, SpoolError>)] {
        state.withLock { state in
            defer { state.results = [] }
            return state.results
        }
    }

    /// On the writer's thread: batch after batch, as long as anything waits.
    func write() {
        while let batch = take() {
            let result: Result<Void, SpoolError>
            do throws(FileError) {
                try writer.write(batch.map(\.changes), isAwaited: batch.contains { $0.ticket != nil })
                result = .success(())
            } catch { result = .failure(.disk(error)) }
            state.withLock {
                $0.waitingBytes -= batch.reduce(0) { $0 + $1.weight }
                $0.syncs = writer.syncs
            }
            tell(batch.compactMap { commit in commit.ticket.map { ($0, result) } })
        }
    }

    private func take() -> [Commit]? {
        state.withLock { state in
            guard !state.commits.isEmpty else {
                state.isWriterCalled = false
                return nil
            }
            var bytes = 0
            let count = max(1, state.commits.firstIndex { bytes += $0.weight; return bytes > batchBytes } ?? state.commits.count)
            defer { state.commits.removeFirst(count) }
            return Array(state.commits.prefix(count))
        }
    }

    private func tell(_ results: [(Int, Result<Void, SpoolError>)]) {
        guard !results.isEmpty else { return }
        state.withLock { $0.results += results }
        mailbox.ring()
    }
}
