/// Which credit a wallet spends, so that when it was paid for says little about when it is used.
///
/// A token is spent only when it is older than an age that was drawn for it on its first day, and which of those that are is drawn too: never
/// first in, first out, which links payers to users although every signature is blind.
package struct TokenStock: Sendable {
    package static let ages: ClosedRange<Int64> = 1...96
    /// Days after which old credit is made new, drawn for each token: not at a week's end, where few would be left.
    package static let rollDays: ClosedRange<Int64> = 3...12

    package struct Held: Hashable, Sendable {
        package let token: Token
        package let role: KeyRole
        package let since: Slice
        /// Not spent before.
        package let ripe: Slice
        /// Made new after.
        package let stale: Slice

        package init(token: Token, role: KeyRole, since: Slice, ripe: Slice, stale: Slice) {
            (self.token, self.role, self.since, self.ripe, self.stale) = (token, role, since, ripe, stale)
        }
    }

    package private(set) var held: [Held]

    package init(_ held: [Held] = []) { self.held = held }

    package mutating func add(_ token: Token, _ role: KeyRole, at slice: Slice, random: inout some RandomNumberGenerator) {
        let ripe = slice + Int64.random(in: Self.ages, using: &random)
        let stale = slice + Int64.random(in: Self.rollDays.lowerBound * Slice.perDay...Self.rollDays.upperBound * Slice.perDay, using: &random)
        held.append(Held(token: token, role: role, since: slice, ripe: ripe, stale: min(stale, role.accepted.upperBound - 4)))
    }

    /// So many of one key that may be spent, drawn; `nil` when there are too few ripe ones. `isUrgent` takes unripe ones too: ask first.
    package func choose(_ count: Int, _ denomination: Denomination, at slice: Slice, isUrgent: Bool = false, random: inout some RandomNumberGenerator) -> [Held]? {
        var keys: [KeyRole: [Held]] = [:]
        for token in held {
            guard case .credit(denomination, _) = token.role, token.role.accepted.contains(slice), isUrgent || token.ripe <= slice else { continue }
            keys[token.role, default: []].append(token)
        }
        let enough = keys.filter { $0.value.count >= count }
        // One drawn among all, so that each token is as likely as any other.
        let all = enough.values.joined().sorted { $0.token.input.nonce.lexicographicallyPrecedes($1.token.input.nonce) }
        guard let role = all.randomElement(using: &random)?.role, let choice = enough[role] else { return nil }
        return Array(choice.sorted { $0.token.input.nonce.lexicographicallyPrecedes($1.token.input.nonce) }.shuffled(using: &random).prefix(count))
    }

    /// Those that should be made new by now, three of one key, if there are so many.
    package func stale(at slice: Slice) -> [Held]? {
        let due = held.filter { if case .credit(_, let week) = $0.role { week < slice.week && $0.stale <= slice && $0.role.accepted.contains(slice) } else { false } }
        let keys = Dictionary(grouping: due, by: \.role)
        return keys.values.first { $0.count >= 3 }.map { Array($0.prefix(3)) }
    }

    package mutating func remove(_ spent: [Held]) { held.removeAll { spent.contains($0) } }
}

/// How well an insider guesses which payment a use was paid with, at best.
package enum Anonymity {
    /// With so many payments per slice that the insider does not know of, and ages
    /// spread over so many slices: as `TokenStock` draws them, or one for fresh credit.
    package static func guess(sourcesPerSlice: Double, known: Double = 0, slices: Int = TokenStock.ages.count) -> Double {
        let others = sourcesPerSlice * (1 - known) * Double(slices)
        return others > 1 ? 1 / others : 1
    }
}
