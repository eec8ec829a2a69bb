internal import Ambience
package import Logging

/// Lines as stock tor writes them: `Nov 21 06:47:09.000 [notice] Bootstrapped 100% (done): Done`.
///
/// What each level promises: `warn` and above are always worth a human's look; `notice` is rare and about the node's own
/// life; `info` and `debug` are for people who know the code. Nothing that a peer can cause at will is above `info`.
package enum TorLogLine {
    /// - Parameter domain: which part of the program speaks, when that is wanted (LogMessageDomains).
    package static func bytes(_ level: Logger.Level, _ message: String, domain: String? = nil) -> [UInt8] {
        Array("\(stamp()) [\(name(level))] \(domain.map { "{\($0.uppercased())} " } ?? "")\(message)\n".utf8)
    }

    private static func stamp() -> String {
        let time = SystemTime().wall
        let (_, month, day) = time.date
        return "\(WallTime.months[Int(month) - 1]) \(day < 10 ? "0" : "")\(day) \(time.clock).000"
    }

    package static func name(_ level: Logger.Level) -> String {
        switch level {
        case .trace, .debug: "debug"
        case .info: "info"
        case .notice: "notice"
        case .warning: "warn"
        case .error, .critical: "err"
        }
    }
}
