import Ambience

/// Bytes for keys that a test can have again.
struct SeededBytes {
    var random: SeededRandom

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    mutating func callAsFunction(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next() >> 24) } }
}
