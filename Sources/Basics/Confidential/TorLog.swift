internal import Ambience
internal import Glibc
package import Logging

/// Writes lines as stock tor does: `Nov 21 06:47:09.000 [notice] Bootstrapped 100% (done): Done`.
///
/// What each level promises: `warn` and above are always worth a human's look; `notice` is rare and about the node's own
/// life; `info` and `debug` are for people who know the code. Nothing that a peer can cause at will is above `info`.
package struct TorLogHandler: LogHandler {
    package var metadata: Logger.Metadata = [:]
    package var logLevel: Logger.Level
    private let fd: Int32

    /// `fd` stays open for the life of the process.
    package init(level: Logger.Level, fd: Int32 = 1) {
        logLevel = level
        self.fd = fd
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let line = Array("\(Self.stamp()) [\(Self.name(event.level))] \(event.message)\n".utf8)
        _ = line.withUnsafeBytes { write(fd, $0.baseAddress, $0.count) }
    }

    private static func stamp() -> String {
        let time = SystemTime().wall
        let (_, month, day) = time.date
        return "\(WallTime.months[Int(month) - 1]) \(day < 10 ? "0" : "")\(day) \(time.clock).000"
    }

    private static func name(_ level: Logger.Level) -> String {
        switch level {
        case .trace, .debug: "debug"
        case .info: "info"
        case .notice: "notice"
        case .warning: "warn"
        case .error, .critical: "err"
        }
    }
}
