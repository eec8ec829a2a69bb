internal import Glibc

/// How evenly something is spread over classes, by what each adversary would care about.
///
/// `p` is a class's share of the weight by which clients choose. Entropy alone flatters a long tail (Hamel, Gregoire and Goldberg, "The
/// Mis-entropists"), so all are shown. Floating point: none of this is money.
package struct Spread: Equatable, Sendable {
    /// Shares, the largest first.
    package let shares: [Double]

    package init(weights: some Sequence<Int>) {
        let used = weights.filter { $0 > 0 }.sorted(by: >)
        let sum = used.reduce(0, +)
        shares = used.map { Double($0) / Double(sum) }
    }

    /// Effective number by Shannon's entropy: `2^H`.
    package var n1: Double { shares.isEmpty ? 0 : exp2(-shares.reduce(0) { $0 + $1 * log2($1) }) }

    /// Effective number by collisions: one over the chance that two picks share a class.
    package var n2: Double { shares.isEmpty ? 0 : 1 / collision }

    /// Effective number against the best single target.
    package var nInfinity: Double { shares.first.map { 1 / $0 } ?? 0 }

    /// The chance of guessing a mote's class in one guess.
    package var guess: Double { shares.first ?? 0 }

    /// Guesses that it takes on average, the likeliest first.
    package var guesses: Double { shares.enumerated().reduce(0) { $0 + Double($1.offset + 1) * $1.element } }

    private var collision: Double { shares.reduce(0) { $0 + $1 * $1 } }

    /// The chance that the `count` largest classes together see both ends of a path whose ends are chosen independently.
    package func coalition(_ count: Int) -> Double {
        let sum = shares.prefix(count).reduce(0, +)
        return sum * sum
    }

    /// The same chance for the two largest when both ends must be of different classes.
    package var distinctPair: Double {
        guard shares.count > 1 else { return 0 }
        return 2 * shares[0] * shares[1] / (1 - collision)
    }
}
