internal import Dispatch
package import Testing

/// Runs each test on a thread of its own. For those that wait for other processes or for a moment: on the few threads that all tests share, whoever sleeps goes on only when
/// hundreds of tests that compute have had their turn, and finds that what it waited for has come and gone; and whoever blocks keeps them from computing.
package struct OwnThread: TestTrait, SuiteTrait, TestScoping {
    package var isRecursive: Bool { true }

    package func provideScope(for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void) async throws {
        try await withTaskExecutorPreference(ThreadExecutor()) { try await function() }
    }
}

extension Trait where Self == OwnThread {
    package static var onItsOwnThread: Self { Self() }
}

/// A serial queue: that gets a thread however many others are busy.
private final class ThreadExecutor: TaskExecutor {
    private let queue = DispatchQueue(label: "test")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
