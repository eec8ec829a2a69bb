package import Ambience
internal import Loops
internal import Onion
internal import Synchronization

/// Threads for onion skins: a handshake costs as much as hundreds of cells, and no cell waits for one.
///
/// What comes faster than it can be answered is dropped late rather than stalled: by number when it comes, and by age when its turn has
/// come, for a client that waited so long has given up and built another circuit.
package final class HandshakePool: Sendable {
    enum Outcome: Sendable {
        case answered(HandshakeAnswer)
        /// It broke the protocol, or was for keys that we do not have.
        case refused
        /// Its turn came too late.
        case late
    }

    /// Onion skins that wait; at the bound a further one is dropped at once.
    package static let queueLimit = 16_384
    /// Stock's default of MaxOnionQueueDelay.
    package static let longestWait = Instant.Span.milliseconds(1750)

    let threadCount: Int
    private let queue = WorkQueue(limit: queueLimit)
    private let waitingCount = Atomic(0)
    private let threads = Mutex<[WorkThread]>([])
    private let waitNanoseconds = Atomic(longestWait.nanoseconds)

    init(count: Int) { threadCount = max(1, count) }

    deinit { queue.close() }

    func start() { threads.withLock { $0 = queue.staff(threadCount, name: "onionskin") } }

    package var waiting: Int { waitingCount.load(ordering: .relaxed) }

    /// Onion skins that waited longer are dropped. Whatever a torrc or consensus says, one that found a thread free is answered.
    package func drop(after wait: Instant.Span) { waitNanoseconds.store(max(wait, .milliseconds(1)).nanoseconds, ordering: .relaxed) }

    /// Answers bodies of CREATE2 together on one of the threads and calls `done` there. `false` at the bound: it will not be called.
    func answer(_ skins: [[UInt8]], policy: RouterPolicy, _ done: @escaping @Sendable ([Outcome]) -> Void) -> Bool {
        let arrived = SystemTime().now
        let waiting = waitingCount.add(skins.count, ordering: .relaxed).newValue
        let isTaken = waiting <= Self.queueLimit && queue.add {
            self.waitingCount.subtract(skins.count, ordering: .relaxed)
            done(self.outcomes(skins, policy, arrived))
        }
        if !isTaken { waitingCount.subtract(skins.count, ordering: .relaxed) }
        return isTaken
    }

    private func outcomes(_ skins: [[UInt8]], _ policy: RouterPolicy, _ arrived: Instant) -> [Outcome] {
        guard (SystemTime().now - arrived).nanoseconds <= waitNanoseconds.load(ordering: .relaxed) else { return skins.map { _ in .late } }
        return HandshakeAnswer.make(toCreate2: skins, policy).map { result in (try? result.get()).map(Outcome.answered) ?? .refused }
    }

    /// Ends the threads; what waits is not answered.
    func close() {
        queue.close()
        for thread in threads.withLock({ threads in
            defer { threads = [] }
            return threads
        }) { thread.join() }
    }
}
