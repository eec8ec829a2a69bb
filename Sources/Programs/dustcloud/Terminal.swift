internal import Ambience
internal import Glibc

/// Whole lines to people. Nothing is buffered: a line is there when it is said.
enum Terminal {
    static func say(_ line: String) { write(line + "\n", to: 1) }
    /// Beside what a command answers.
    static func remark(_ line: String) { write(line + "\n", to: 2) }
    static func complain(_ line: String) { write("dustcloud: \(line)\n", to: 2) }

    /// A line with the time of day, UTC.
    static func report(_ line: String) { say("\(SystemTime().wall.clock)  \(line)") }

    /// Starts a screen anew for `--watch`.
    static func clear() { write("\u{1B}[H\u{1B}[2J", to: 1) }

    private static func write(_ text: String, to fd: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(fd, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }
}

/// Waiting that an asking signal cuts short.
struct Patience {
    private var asking = sigset_t()

    /// From now on SIGINT, SIGTERM and SIGHUP are only heard by `wait`, and a closed output is an error, not an end.
    init() {
        sigemptyset(&asking)
        for number in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&asking, number) }
        sigprocmask(SIG_BLOCK, &asking, nil)
        signal(SIGPIPE, SIG_IGN)
    }

    /// True if somebody asked to end meanwhile.
    mutating func wait(milliseconds: Int) -> Bool {
        var time = timespec(tv_sec: milliseconds / 1000, tv_nsec: milliseconds % 1000 * 1_000_000)
        return sigtimedwait(&asking, nil, &time) > 0
    }
}
