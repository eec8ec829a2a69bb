package import Ambience

/// What an exit remembers of answers to its DNS questions.
///
/// An answer is kept for its own time, but at least a minute and at most an hour, as stock does since 0.4.9.
package struct NameCache: Sendable {
    package enum Answer: Equatable, Sendable {
        case addresses([IPAddress])
        case names([String])
        /// There is no such name, or it has nothing of the kind.
        case missing
    }

    private struct Entry {
        let answer: Answer
        let expires: Instant
    }

    package static let usualLimit = 16_384
    static let shortestSeconds: UInt32 = 60
    static let longestSeconds: UInt32 = 3600

    private let limit: Int
    private var entries: [String: Entry] = [:]
    /// Names in the order in which they came, `first` onwards: who makes room for a new one.
    private var order: [(name: String, expires: Instant)] = []
    private var first = 0

    /// - Parameter limit: answers kept at most; the oldest makes room.
    package init(limit: Int = usualLimit) { self.limit = limit }

    package var count: Int { entries.count }

    package func find(_ name: String, at now: Instant) -> Answer? { entries[name].flatMap { now < $0.expires ? $0.answer : nil } }

    package mutating func keep(_ answer: Answer, of name: String, ttlSeconds: UInt32, at now: Instant) {
        while order.count - first >= limit { forgetOldest() }
        let seconds = min(max(ttlSeconds, Self.shortestSeconds), Self.longestSeconds)
        let expires = now + .seconds(Int64(seconds))
        entries[name] = Entry(answer: answer, expires: expires)
        order.append((name, expires))
    }

    private mutating func forgetOldest() {
        let oldest = order[first]
        first += 1
        if entries[oldest.name]?.expires == oldest.expires { entries[oldest.name] = nil }
        if first >= limit {
            order.removeFirst(first)
            first = 0
        }
    }
}
