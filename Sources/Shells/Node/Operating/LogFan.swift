internal import CLinux
internal import Confidential
internal import Glibc
package import Logging
internal import Synchronization
package import Torrc

/// Sends each log line to every place of the torrc's Log lines whose severities include it, and to the controllers that asked.
package struct LogFan: LogHandler {
    package var metadata: Logger.Metadata = [:]
    private let outlets: LogOutlets

    package init(_ outlets: LogOutlets) { self.outlets = outlets }

    /// What at least one place wants; it changes while the program runs.
    package var logLevel: Logger.Level {
        get { outlets.level }
        set {}
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) { outlets.write(event) }
}

/// The places that log lines go to, shared by all threads.
package final class LogOutlets: Sendable {
    /// Lines that wait for controllers; at the bound the newest are dropped.
    package static let tapLimit = 1024

    private struct Branch {
        let severities: ClosedRange<LogLine.Severity>
        let handler: TorLogHandler
        /// Closed when the branch goes.
        let fd: Int32?
    }

    private struct State {
        var branches: [Branch] = []
        var isDebugging = false
        var tapped: Set<LogLine.Severity> = []
        var lines: [(LogLine.Severity, String)] = []
    }

    private let state = Mutex(State())
    private let threshold = Atomic(LogLine.Severity.err.rawValue)
    private let waiting = Atomic(0)

    /// Opens the files of `lines`; a file that cannot be opened is a failure.
    package init(_ lines: [LogLine]) throws(NodeFailure) { try open(lines) }

    /// Opens everything anew, so that rotated files are left: SIGHUP. After a failure the old places stay.
    package func open(_ lines: [LogLine]) throws(NodeFailure) {
        var branches: [Branch] = []
        for line in lines { branches.append(try Self.branch(line)) }
        let old = state.withLock { state in
            let old = state.branches
            state.branches = branches
            state.isDebugging = false
            return old
        }
        for branch in old { if let fd = branch.fd { close(fd) } }
        setThreshold()
    }

    /// Everything to every place, until the next `open`: SIGUSR2.
    package func debug() {
        state.withLock { $0.isDebugging = true }
        setThreshold()
    }

    /// Begins every place with a line that says which program writes there.
    package func begin(_ version: String) {
        let event = LogEvent(level: .notice, message: "\(version) opening log.", metadata: nil, source: "", file: #file, function: #function, line: #line)
        for branch in state.withLock({ $0.branches }) { branch.handler.log(event: event) }
    }

    var level: Logger.Level {
        switch LogLine.Severity(rawValue: threshold.load(ordering: .relaxed)) ?? .err {
        case .debug: .debug
        case .info: .info
        case .notice: .notice
        case .warn: .warning
        case .err: .error
        }
    }

    func write(_ event: LogEvent) {
        let severity = Self.severity(event.level)
        // Under the lock, so that no file is closed while a line is written to it.
        let isTapped = state.withLock { state in
            for branch in state.branches where state.isDebugging || branch.severities.contains(severity) { branch.handler.log(event: event) }
            guard state.tapped.contains(severity) else { return false }
            if state.lines.count < Self.tapLimit { state.lines.append((severity, "\(event.message)")) }
            return true
        }
        if isTapped { waiting.store(1, ordering: .releasing) }
    }

    // MARK: Controllers

    /// Keeps lines of these severities for `takeTapped`.
    func tap(_ severities: Set<LogLine.Severity>) {
        state.withLock {
            $0.tapped = severities
            if severities.isEmpty { $0.lines = [] }
        }
        setThreshold()
    }

    /// What was logged for controllers since the last call.
    func takeTapped() -> [(LogLine.Severity, String)] {
        guard waiting.exchange(0, ordering: .acquiring) != 0 else { return [] }
        return state.withLock {
            let lines = $0.lines
            $0.lines = []
            return lines
        }
    }

    private func setThreshold() {
        let lowest = state.withLock { state in
            state.isDebugging ? .debug : (state.branches.map(\.severities.lowerBound) + state.tapped).min() ?? .err
        }
        threshold.store(lowest.rawValue, ordering: .relaxed)
    }

    private static func branch(_ line: LogLine) throws(NodeFailure) -> Branch {
        switch line.target {
        case .standardOutput: return Branch(severities: line.severities, handler: TorLogHandler(level: .trace, fd: 1), fd: nil)
        case .standardError: return Branch(severities: line.severities, handler: TorLogHandler(level: .trace, fd: 2), fd: nil)
        case .file(let path):
            let fd = dc_open(path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
            guard fd >= 0 else { throw NodeFailure(.cannotCreate, "Log: cannot open \(path): \(String(cString: strerror(errno)))") }
            return Branch(severities: line.severities, handler: TorLogHandler(level: .trace, fd: fd), fd: fd)
        }
    }

    private static func severity(_ level: Logger.Level) -> LogLine.Severity {
        switch level {
        case .trace, .debug: .debug
        case .info: .info
        case .notice: .notice
        case .warning: .warn
        case .error, .critical: .err
        }
    }
}
