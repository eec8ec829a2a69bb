internal import CLinux
internal import Glibc

/// A thread of this process, for a loop of its own or for work that would hold one up. Signals go to other threads.
package final class WorkThread: Sendable {
    private final class Start: Sendable {
        let name: String
        let body: @Sendable () -> Void

        init(_ name: String, _ body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    private let thread: pthread_t

    /// Starts the thread. The system shows at most 15 bytes of `name`.
    package init(_ name: String, _ body: @escaping @Sendable () -> Void) {
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        var thread = pthread_t()
        // SAFETY: the new thread takes over the one reference to its start.
        let start = Unmanaged.passRetained(Start(name, body))
        let code = pthread_create(&thread, nil, { context in
            let start = Unmanaged<Start>.fromOpaque(context!).takeRetainedValue()
            pthread_setname_np(pthread_self(), String(start.name.utf8.prefix(15)) ?? "")
            start.body()
            return nil
        }, start.toOpaque())
        guard code == 0 else { fatalError("no thread can be started: \(String(cString: strerror(code)))") }
        self.thread = thread
    }

    /// Waits for the end of the thread; once, and not after `detach`.
    package func join() { pthread_join(thread, nil) }

    /// Lets the thread end by itself.
    package func detach() { pthread_detach(thread) }
}
