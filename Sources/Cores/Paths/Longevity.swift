package import Ambience

/// Who lives longest: relays that advertise no end, else those whose time left is near the longest.
package enum Longevity {
    /// Keeps whoever has at least three quarters of the longest time left.
    package static func longest(_ relays: [PathRelay], now: WallTime) -> [PathRelay] {
        let endless = relays.filter { $0.expires == nil }
        guard endless.isEmpty, let last = relays.compactMap(\.expires).max() else { return endless }
        let left = max(last - now, 0)
        return relays.filter { ($0.expires ?? last) - now >= left - left / 4 }
    }

    /// The first end among the relays of a path.
    package static func firstEnd(_ relays: [PathRelay]) -> WallTime? { relays.compactMap(\.expires).min() }
}
