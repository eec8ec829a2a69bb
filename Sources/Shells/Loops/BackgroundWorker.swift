internal import CLinux
internal import Glibc
internal import Synchronization

/// A thread of its own for work that would hold a loop up: packing documents, reading a consensus. Jobs run one after another.
///
/// A job is a function of values; what it returns is handed to its `done` on the loop. The thread has a low priority, so that cells go first.
package final class BackgroundWorker {
    private let shared: Shared
    private let jobLimit: Int
    private var source: IOSource?
    private var waiting: [Int: (any Sendable) -> Void] = [:]
    private var lastJob = 0

    /// `jobLimit`: jobs that wait or run at most.
    package init(loop: EventLoop, jobLimit: Int = 64) {
        self.jobLimit = jobLimit
        guard let shared = Shared() else { fatalError("no descriptors left for a worker") }
        self.shared = shared
        source = IOSource(loop: loop, fd: shared.results.read, onReadable: { [weak self] in self?.deliver() }, onWritable: {})
        source?.setReading(true)
        Self.startThread(shared)
    }

    deinit {
        source?.cancel()
        shared.stop()
    }

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

    private static func startThread(_ shared: Shared) {
        var thread = pthread_t()
        // SAFETY: the thread takes the one reference that is passed, and releases it when it ends.
        let context = Unmanaged.passRetained(shared).toOpaque()
        let status = pthread_create(&thread, nil, { context in
            let shared = Unmanaged<Shared>.fromOpaque(context!).takeRetainedValue()
            shared.work()
            return nil
        }, context)
        guard status == 0 else { fatalError("no thread for a worker: \(status)") }
        pthread_detach(thread)
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
    /// One byte per job and per result wakes the other side.
    private let jobs: Pipe
    let results: Pipe

    init?() {
        guard let jobs = Pipe(), let results = Pipe() else { return nil }
        self.jobs = jobs
        self.results = results
    }

    func add(_ job: @escaping Job) {
        state.withLock { $0.jobs.append(job) }
        jobs.wake()
    }

    func stop() {
        state.withLock {
            $0.isStopped = true
            $0.jobs = []
        }
        jobs.wake()
    }

    func takeResults() -> [(Int, any Sendable)] {
        let taken = state.withLock { state in
            let taken = state.results
            state.results = []
            return taken
        }
        results.wait(bytes: max(1, taken.count))
        return taken
    }

    /// The thread's life.
    func work() {
        var mask = sigset_t()
        sigfillset(&mask)
        // Signals are the main loop's.
        pthread_sigmask(SIG_BLOCK, &mask, nil)
        _ = dc_be_nice(Self.niceness)
        while true {
            jobs.wait(bytes: 1)
            let (job, isStopped) = state.withLock { state -> (Job?, Bool) in (state.jobs.isEmpty ? nil : state.jobs.removeFirst(), state.isStopped) }
            if isStopped { return }
            guard let job else { continue }
            let result = job()
            state.withLock { $0.results.append(result) }
            results.wake()
        }
    }
}

/// Both ends of a pipe, closed with their owner.
private final class Pipe: Sendable {
    let read: Int32
    private let write: Int32

    init?() {
        var ends: [Int32] = [-1, -1]
        guard dc_pipe(&ends) == 0 else { return nil }
        (read, write) = (ends[0], ends[1])
    }

    deinit {
        close(read)
        close(write)
    }

    func wake() {
        var byte: UInt8 = 0
        while Glibc.write(write, &byte, 1) < 0, errno == EINTR {}
    }

    /// Blocks for the first byte, and takes at most so many.
    func wait(bytes: Int) {
        var buffer = [UInt8](repeating: 0, count: bytes)
        while Glibc.read(read, &buffer, bytes) < 0, errno == EINTR {}
    }
}
