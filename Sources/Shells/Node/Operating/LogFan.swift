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
    private let domain: String

    /// - Parameter domain: the logger's label: which part of the program speaks.
    package init(_ outlets: LogOutlets, domain: String) {
        self.outlets = outlets
        self.domain = domain
    }

    /// What at least one place wants; it changes while the program runs.
    package var logLevel: Logger.Level {
        get { outlets.level }
        set {}
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) { outlets.write(event.level, "\(event.message)", domain: domain) }
}

/// The places that log lines go to, shared by all threads.
package final class LogOutlets: Sendable {
    /// Lines that wait for controllers; at the bound the newest are dropped.
    package static let tapLimit = 1024

    private struct Branch {
        let severities: ClosedRange<LogLine.Severity>
        /// `nil` for the system log.
        let fd: Int32?
        /// A file of ours: closed when the branch goes.
        let isOwned: Bool

        func write(_ level: Logger.Level, _ message: String, domain: String?) {
            guard let fd else { return dc_syslog(Self.priority(level), domain.map { "{\($0.uppercased())} \(message)" } ?? message) }
            let line = TorLogLine.bytes(level, message, domain: domain)
            _ = Glibc.write(fd, line, line.count)
        }

        private static func priority(_ level: Logger.Level) -> Int32 {
            switch level {
            case .trace, .debug: LOG_DEBUG
            case .info: LOG_INFO
            case .notice: LOG_NOTICE
            case .warning: LOG_WARNING
            case .error, .critical: LOG_ERR
            }
        }
    }

    private struct State {
        var style = LogStyle()
        var branches: [Branch] = []
        var isDebugging = false
        var tapped: Set<LogLine.Severity> = []
        var lines: [(LogLine.Severity, String)] = []
    }

    private let state = Mutex(State())
    private let threshold = Atomic(LogLine.Severity.err.rawValue)
    private let waiting = Atomic(0)

    /// Opens the files of `lines`; a file that cannot be opened is a failure.
    package init(_ lines: [LogLine], _ style: LogStyle = LogStyle()) throws(NodeFailure) {
        if lines.contains(where: { $0.target == .systemLog }) { Self.openSystemLog(style.tag) }
        try open(lines, style, isFirst: true)
    }

    /// Opens everything anew, so that rotated files are left: SIGHUP. After a failure the old places stay.
    ///
    /// - Parameter isFirst: files are emptied, if the style has it so.
    package func open(_ lines: [LogLine], _ style: LogStyle, isFirst: Bool = false) throws(NodeFailure) {
        var branches: [Branch] = []
        for line in lines { branches.append(try Self.branch(line, isEmptied: isFirst && style.truncates)) }
        let old = state.withLock { state in
            let old = state.branches
            state.branches = branches
            state.style = style
            state.isDebugging = false
            return old
        }
        for branch in old { if branch.isOwned, let fd = branch.fd { close(fd) } }
        setThreshold()
    }

    /// Everything to every place, until the next `open`: SIGUSR2.
    package func debug() {
        state.withLock { $0.isDebugging = true }
        setThreshold()
    }

    /// Begins every place with a line that says which program writes there.
    package func begin(_ version: String) {
        state.withLock { for branch in $0.branches { branch.write(.notice, "\(version) opening log.", domain: nil) } }
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

    func write(_ level: Logger.Level, _ message: String, domain: String) {
        let severity = Self.severity(level)
        // Under the lock, so that no file is closed while a line is written to it.
        let isTapped = state.withLock { state in
            for branch in state.branches where state.isDebugging || branch.severities.contains(severity) {
                branch.write(level, message, domain: state.style.showsDomains ? domain : nil)
            }
            guard state.tapped.contains(severity) else { return false }
            if state.lines.count < Self.tapLimit { state.lines.append((severity, message)) }
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

    private static func branch(_ line: LogLine, isEmptied: Bool) throws(NodeFailure) -> Branch {
        switch line.target {
        case .standardOutput: return Branch(severities: line.severities, fd: 1, isOwned: false)
        case .standardError: return Branch(severities: line.severities, fd: 2, isOwned: false)
        case .systemLog: return Branch(severities: line.severities, fd: nil, isOwned: false)
        case .file(let path):
            let fd = dc_open(path, O_WRONLY | O_CREAT | O_APPEND | (isEmptied ? O_TRUNC : 0), 0o600)
            guard fd >= 0 else { throw NodeFailure(.cannotCreate, "Log: cannot open \(path): \(String(cString: strerror(errno)))") }
            return Branch(severities: line.severities, fd: fd, isOwned: true)
        }
    }

    /// Lines go out under `mote`, or `mote-TAG`. The name stays for good: syslog(3) keeps the pointer.
    private static func openSystemLog(_ tag: String?) {
        openlog(strdup(tag.map { "mote-\($0)" } ?? "mote"), LOG_PID | LOG_NDELAY, LOG_DAEMON)
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

/// How lines are written.
package struct LogStyle: Sendable {
    /// `LogMessageDomains`
    var showsDomains = false
    /// `TruncateLogFile`
    var truncates = false
    /// `SyslogIdentityTag`
    var tag: String?

    package init() {}

    package init(_ options: OperatingOptions) {
        showsDomains = options.showsLogDomains
        truncates = options.truncatesLogFiles
        tag = options.syslogTag
    }
}
