internal import Directory

/// Where in a path a relay would stand.
package enum PathPosition: String, Hashable, Sendable, CaseIterable {
    case entry = "guard"
    case middle
    case exit
}

/// The `bandwidth-weights` of a consensus (dir-spec 3.8.3): how much of its bandwidth a class of relays gives to a position.
package struct PathWeights: Hashable, Sendable {
    /// A consensus that asks for more than this per relay and position is not believed.
    static let factorLimit: UInt64 = 1 << 20

    /// By position, then class of relay (guard only, exit only, both, neither).
    private var factors: [PathPosition: [UInt64]]

    /// Plain bandwidth, for a consensus without weights.
    package static let even = PathWeights(factors: [:])

    private init(factors: [PathPosition: [UInt64]]) { self.factors = factors }

    /// Falls back to plain bandwidth when any weight is missing or negative, as stock does.
    package init(_ values: [String: Int32]) {
        func factors(_ names: [String]) -> [UInt64]? {
            let found = names.compactMap { values[$0].flatMap { $0 < 0 ? nil : min(UInt64($0), Self.factorLimit) } }
            return found.count == names.count ? found : nil
        }
        // A relay without the Guard flag never serves as a guard, so exits have no weight of their own there.
        guard let entry = factors(["Wgg", "Wgm", "Wgd"]), let middle = factors(["Wmg", "Wme", "Wmd", "Wmm"]), let exit = factors(["Weg", "Wee", "Wed", "Wem"])
        else {
            self = .even
            return
        }
        self.init(factors: [.entry: [entry[0], 0, entry[2], entry[1]], .middle: middle, .exit: exit])
    }

    /// What the relay weighs at the position, in arbitrary units.
    package func weight(of relay: PathRelay, at position: PathPosition) -> UInt64 {
        UInt64(relay.bandwidth) * (factors[position]?[relay.flags.pathClass] ?? 1)
    }
}

extension RelayFlags {
    /// Index into a position's factors.
    fileprivate var pathClass: Int {
        switch (contains(.guard), contains(.exit) && !contains(.badExit)) {
        case (true, false): 0
        case (false, true): 1
        case (true, true): 2
        case (false, false): 3
        }
    }
}
