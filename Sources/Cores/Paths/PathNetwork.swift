internal import Directory
package import Sealing

/// The relays of one consensus, as path selection sees them.
package struct PathNetwork: Sendable {
    package let relays: [PathRelay]
    package let weights: PathWeights
    private let index: [RSAIdentity: Int]

    package init(relays: [PathRelay], weights: PathWeights) {
        self.relays = relays
        self.weights = weights
        index = Dictionary(relays.enumerated().map { ($1.identity, $0) }, uniquingKeysWith: { first, _ in first })
    }

    package subscript(identity: RSAIdentity) -> PathRelay? { index[identity].map { relays[$0] } }

    /// The part of all weighted paths that can be built with what is known, from 0 to 1. Without exits in the consensus it counts paths without one.
    package var usableFraction: Double {
        let entries = fraction(at: .entry) { $0.flags.contains(.guard) }
        let exits = fraction(at: .exit) { $0.flags.contains(.exit) && !$0.flags.contains(.badExit) }
        return (entries ?? 1) * (fraction(at: .middle) { _ in true } ?? 0) * (exits ?? 1)
    }

    package var hasExits: Bool { relays.contains { $0.isRunning && $0.flags.contains(.exit) && !$0.flags.contains(.badExit) } }

    /// `nil` when nobody serves at the position.
    private func fraction(at position: PathPosition, _ serves: (PathRelay) -> Bool) -> Double? {
        let serving = relays.filter { $0.isRunning && serves($0) }
        guard !serving.isEmpty else { return nil }
        let known = serving.filter(\.isUsable)
        let whole = serving.reduce(0.0) { $0 + Double(weights.weight(of: $1, at: position)) }
        guard whole > 0 else { return Double(known.count) / Double(serving.count) }
        return known.reduce(0.0) { $0 + Double(weights.weight(of: $1, at: position)) } / whole
    }
}
