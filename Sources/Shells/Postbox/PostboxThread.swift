internal import Loops
internal import Synchronization

/// One piece of work at a time, on a thread of its own: answers of motes may take minutes, and the end of the program does not wait for them.
package final class PostboxThread: Sendable {
    private let work: @Sendable () -> Void
    private let isBusy = Atomic(false)

    package init(_ work: @escaping @Sendable () -> Void) { self.work = work }

    /// Nothing, if it is under way.
    package func begin() {
        guard !isBusy.exchange(true, ordering: .acquiringAndReleasing) else { return }
        WorkThread("mail") { [self] in
            work()
            isBusy.store(false, ordering: .releasing)
        }.detach()
    }
}
