internal import Ambience
internal import Glibc

/// The first process while its mote lives: buries the dead, and watches the clocks that no mote can reach.
struct Keeper {
    /// How long to sleep at most: the wall clock may be set at any time.
    private static let longestSleep = Instant.Span.seconds(5)

    private let end: MachineEnd
    private let time = SystemTime()
    private var children = sigset_t()
    private var before = sigset_t()

    init(_ end: MachineEnd) {
        self.end = end
        sigemptyset(&children)
        sigaddset(&children, SIGCHLD)
        sigprocmask(SIG_BLOCK, &children, &before)
    }

    /// The mote listens to all signals.
    func release() throws(CradleFailure) {
        var before = before
        guard sigprocmask(SIG_SETMASK, &before, nil) == 0 else { throw CradleFailure("the mote cannot listen to signals", errno) }
    }

    /// Until the child is gone or the machine's time is over; why it ended.
    func wait(for child: Int32) -> String {
        var most = 0
        while true {
            most = max(most, Self.programs)
            if let status = bury(child) { return "\(Self.words(status)). Processes seen at once: \(most)" }
            let remaining = end.remaining(at: time.wall, time.now)
            guard remaining > .seconds(0) else { return "the mote has not ended by itself, and its time is over" }
            sleep(min(remaining, Self.longestSleep))
        }
    }

    private func sleep(_ span: Instant.Span) {
        var (children, milliseconds) = (children, max(1, span.inMilliseconds))
        var pause = timespec(tv_sec: Int(milliseconds / 1000), tv_nsec: Int(milliseconds % 1000) * 1_000_000)
        milliseconds = 0
        sigtimedwait(&children, nil, &pause)
    }

    /// The child's status when it is among the dead.
    private func bury(_ child: Int32) -> Int32? {
        var found: Int32?
        while true {
            var status: Int32 = 0
            let pid = waitpid(-1, &status, WNOHANG)
            guard pid > 0 else { return found }
            if pid == child { found = status }
        }
    }

    /// How many processes there are with a command line, which the kernel's own have not.
    private static var programs: Int {
        ((try? Files.list("/proc")) ?? []).count { $0.first?.isNumber == true && (try? Files.read("/proc/\($0)/cmdline").isEmpty) == false }
    }

    private static func words(_ status: Int32) -> String {
        let signal = status & 0x7F
        return signal == 0 ? "the mote ended with status \(status >> 8 & 0xFF)" : "the mote was ended by signal \(signal)"
    }
}
