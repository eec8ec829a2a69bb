internal import CLinux
internal import Confidential
internal import Glibc
package import Logging
package import Torrc

/// Sends each log line to every place of the torrc's Log lines whose severities include it.
package struct LogFan: LogHandler {
    package var metadata: Logger.Metadata = [:]
    package var logLevel: Logger.Level

    private let branches: [(severities: ClosedRange<LogLine.Severity>, handler: TorLogHandler)]

    /// Opens the files of `lines`; a file that cannot be opened is a failure.
    package init(_ lines: [LogLine]) throws(NodeFailure) {
        var branches: [(severities: ClosedRange<LogLine.Severity>, handler: TorLogHandler)] = []
        for line in lines {
            let fd = try Self.open(line.target)
            branches.append((line.severities, TorLogHandler(level: .trace, fd: fd)))
        }
        self.branches = branches
        logLevel = Self.level(lines.map(\.severities.lowerBound).min() ?? .err)
    }

    /// Begins every place with a line that says which program writes there.
    package func begin(_ version: String) {
        for branch in branches {
            branch.handler.log(event: LogEvent(level: .notice, message: "\(version) opening log.", metadata: nil, source: "", file: #file, function: #function, line: #line))
        }
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let severity = Self.severity(event.level)
        for branch in branches where branch.severities.contains(severity) { branch.handler.log(event: event) }
    }

    private static func open(_ target: LogLine.Target) throws(NodeFailure) -> Int32 {
        switch target {
        case .standardOutput: return 1
        case .standardError: return 2
        case .file(let path):
            let fd = dc_open(path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
            guard fd >= 0 else { throw NodeFailure(.cannotCreate, "Log: cannot open \(path): \(String(cString: strerror(errno)))") }
            return fd
        }
    }

    private static func level(_ severity: LogLine.Severity) -> Logger.Level {
        switch severity {
        case .debug: .debug
        case .info: .info
        case .notice: .notice
        case .warn: .warning
        case .err: .error
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
