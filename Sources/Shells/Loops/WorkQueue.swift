internal import Glibc

/// Threads that take jobs from one queue, first come, first served. The queue is bounded by number.
// SAFETY: `jobs`, `head` and `isClosed` are touched only with `mutex` held; both system objects live as long as this one.
package final class WorkQueue: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let signal = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var jobs: [(@Sendable () -> Void)?] = []
    private var head = 0
    private var isClosed = false
    private let limit: Int

    /// `limit` is how many jobs may wait.
    package init(limit: Int) {
        self.limit = limit
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(signal, nil)
    }

    deinit {
        pthread_cond_destroy(signal)
        pthread_mutex_destroy(mutex)
        signal.deallocate()
        mutex.deallocate()
    }

    /// Starts threads that work until `close`; they keep the queue.
    package func staff(_ count: Int, name: String) -> [WorkThread] {
        (0..<count).map { index in WorkThread("\(name) \(index)") { while let job = self.next() { job() } } }
    }

    package var waiting: Int { locked { jobs.count - head } }

    /// `false` when as many wait as may, or after `close`: the job is not done.
    package func add(_ job: @escaping @Sendable () -> Void) -> Bool {
        locked {
            guard !isClosed, jobs.count - head < limit else { return false }
            jobs.append(job)
            pthread_cond_signal(signal)
            return true
        }
    }

    /// Lets go of what waits and sends the threads home after the job they are at.
    package func close() {
        let unread = locked {
            isClosed = true
            defer { (jobs, head) = ([], 0) }
            pthread_cond_broadcast(signal)
            return jobs
        }
        _ = unread
    }

    private func next() -> (@Sendable () -> Void)? {
        locked {
            while head == jobs.count, !isClosed { pthread_cond_wait(signal, mutex) }
            guard head < jobs.count else { return nil }
            defer { advance() }
            return jobs[head]
        }
    }

    private func advance() {
        jobs[head] = nil
        head += 1
        if head == jobs.count {
            jobs.removeAll(keepingCapacity: true)
            head = 0
        } else if head >= limit {
            jobs.removeFirst(head)
            head = 0
        }
    }

    private func locked<R>(_ body: () -> R) -> R {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }
}
