internal import CLinux
internal import Glibc
internal import Synchronization

/// Where other threads leave work for a loop. Letters of one sender are read in the order they were posted.
///
/// It is not bounded by itself: who posts must have a bound of its own (circuits, connections, questions under way). Nothing is
/// posted per cell.
package final class Mailbox: Sendable {
    private struct Content {
        var letters: [@Sendable () -> Void] = []
        var isClosed = false
    }

    private let content = Mutex(Content())
    /// The loop was woken and has not looked yet: a second ring would be one system call for nothing.
    private let isRung = Atomic(false)
    /// Readable when rung.
    let fd: Int32

    package init() {
        fd = dc_eventfd()
        guard fd >= 0 else { fatalError("no descriptor is left for a loop's mailbox") }
    }

    deinit { Glibc.close(fd) }

    /// Has the loop run `body` in its next turn; `false`, and `body` is let go of, when the loop is gone.
    @discardableResult
    package func post(_ body: @escaping @Sendable () -> Void) -> Bool {
        let isTaken = content.withLock { content in
            guard !content.isClosed else { return false }
            content.letters.append(body)
            return true
        }
        if isTaken { ring() }
        return isTaken
    }

    /// Wakes the loop for what lies ready elsewhere: its `onWake` bodies run.
    package func ring() {
        guard !isRung.exchange(true, ordering: .acquiringAndReleasing) else { return }
        var one: UInt64 = 1
        _ = write(fd, &one, 8)
    }

    /// What was posted so far. An exchange, and before the look: whoever rings after it is heard again, and what was made ready
    /// before it is seen.
    func empty() -> [@Sendable () -> Void] {
        var count: UInt64 = 0
        _ = read(fd, &count, 8)
        _ = isRung.exchange(false, ordering: .acquiringAndReleasing)
        return content.withLock { content in
            defer { content.letters = [] }
            return content.letters
        }
    }

    /// Nothing is taken any more; unread letters are let go of.
    func close() {
        let unread = content.withLock { content in
            content.isClosed = true
            defer { content.letters = [] }
            return content.letters
        }
        _ = unread
    }
}
