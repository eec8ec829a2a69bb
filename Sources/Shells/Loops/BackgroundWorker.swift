internal import CLinux
internal import Glibc
internal import Synchronization

/// A thread of its own for work that would hold a loop up: packing documents, reading a consensus. Jobs run one after another.
///
/// A job is a function of values; what it returns is handed to its `done` on the loop. The thread has a low priority, so that cells go first.
package final class BackgroundWorker {
    private let shared: Shared
    private let jobLimit: Int
    private var waiting: [Int: (any Sendable) -> Void] = [:]
    private var lastJob = 0

    /// `jobLimit`: jobs that wait or run at most.
    package init(loop: EventLoop, jobLimit: Int = 64) {
        self.jobLimit = jobLimit
        let shared = Shared(mailbox: loop.mailbox)
        self.shared = shared
        loop.onWake { [weak self] in self?.deliver() }
        WorkThread("worker") { shared.work() }.detach()
    }

    deinit { shared.stop() }

    package var jobCount: Int { waiting.count }

    /// Runs `job` on the thread and then `done` on the loop; `false`, and nothing is run, when too many jobs wait already.
    package func run<Result: Sendable>(_ job: @escaping @Sendable () -> Result, _ done: @escaping (Result) -> Void) -> Bool {
        guard waiting.count < jobLimit else { return false }
        lastJob += 1
        let number = lastJob
        waiting[number] = { result in if let result = result as? Result { done(result) } }
        shared.add { (number, job()) }
        return true
    }

    private func deliver() {
        for (number, result) in shared.takeResults() { waiting.removeValue(forKey: number)?(result) }
    }
}

/// What both threads see.
private final class Shared: Sendable {
    typealias Job = @Sendable () -> (Int, any Sendable)

    private struct State {
        var jobs: [Job] = []
        var results: [(Int, any Sendable)] = []
        var isStopped = false
    }

    private static let niceness: Int32 = 10

    private let state = Mutex(State())
    private let mailbox: Mailbox
    /// The thread sleeps here: one byte per job.
    private let bell = WakePipe()

    init(mailbox: Mailbox) { self.mailbox = mailbox }

    func add(_ job: @escaping Job) {
        state.withLock { $0.jobs.append(job) }
        bell.ring()
    }

    func stop() {
        state.withLock {
            $0.isStopped = true
            $0.jobs = []
        }
        bell.ring()
    }

    func takeResults() -> [(Int, any Sendable)] {
        state.withLock { state in
            defer { state.results = [] }
            return state.results
        }
    }

    /// The thread's life.
    func work() {
        _ = dc_be_nice(Self.niceness)
        while true {
            bell.wait()
            let (job, isStopped) = state.withLock { state -> (Job?, Bool) in (state.jobs.isEmpty ? nil : state.jobs.removeFirst(), state.isStopped) }
            if isStopped { return }
            guard let job else { continue }
            let result = job()
            state.withLock { $0.results.append(result) }
            mailbox.ring()
        }
    }
}

/// A pipe that one thread waits at until another rings.
private final class WakePipe: Sendable {
    private let read: Int32
    private let write: Int32

    init() {
        var ends: [Int32] = [-1, -1]
        guard dc_pipe(&ends) == 0 else { fatalError("no descriptors are left for a worker") }
        (read, write) = (ends[0], ends[1])
    }

    deinit {
        close(read)
        close(write)
    }

    func ring() {
        var byte: UInt8 = 0
        while Glibc.write(write, &byte, 1) < 0, errno == EINTR {}
    }

    func wait() {
        var byte: UInt8 = 0
        while Glibc.read(read, &byte, 1) < 0, errno == EINTR {}
    }
}
