internal import Ambience
internal import Logging

/// Says the same kind of thing at most once in a while, since applications and peers can cause it at will.
struct QuietLog {
    private static let silence = Instant.Span.seconds(900)

    let log: Logger
    private var quietUntil: [String: Instant] = [:]

    init(log: Logger) { self.log = log }

    /// - Parameter kind: one of few; it is the key, not part of the message.
    mutating func say(_ level: Logger.Level, _ kind: String, now: Instant, _ message: @autoclosure () -> String) {
        if let until = quietUntil[kind], now < until { return }
        quietUntil[kind] = now + Self.silence
        log.log(level: level, "\(message())")
    }
}
