/// A number that an exchange for trials has other than the usual. What it protects from is then not protected from, so it stands in the terms,
/// where wallets, motes, witnesses and auditors read it, and never changes.
package enum TrialSetting: String, Sendable, CaseIterable {
    /// Sets of tokens that an order must hide among.
    case leastSet = "LeastSet"
    /// Slices that an order waits for them.
    case longestHold = "LongestHold"
    /// Motes that a bucket's swap fleet needs. With fewer than usual, purchases do not stop at the motes' load either: a handful has none to speak of.
    case leastFleet = "LeastFleet"
    /// Motes that any group of providers may list.
    case groupFloor = "GroupFloor"
    /// Bits of work for a permit without a stake.
    case workBits = "WorkBits"
    /// Permits of each kind for a start that there are whatever the throttle says.
    case leastPermits = "LeastPermits"
    /// Permits begin at each slice whose number is a multiple of this.
    case permitEvery = "PermitEvery"
    /// Of the classes of motes, from the smallest on, those for which there are permits.
    case classes = "Classes"

    package var range: ClosedRange<Int64> {
        switch self {
        case .leastSet, .longestHold, .leastFleet, .groupFloor, .leastPermits: 0...10_000
        case .workBits: 0...40
        case .permitEvery: 1...96
        case .classes: 1...Int64(MoteClass.allCases.count)
        }
    }

    package var usual: Int64 {
        switch self {
        case .leastSet: MarketRules.usual.leastSet
        case .longestHold: MarketRules.usual.longestHold
        case .leastFleet: Int64(MarketRules.usual.leastFleet)
        case .groupFloor: MarketRules.usual.groupFloor
        case .workBits: Int64(MarketRules.usual.workBits)
        case .leastPermits: 0
        case .permitEvery: 1
        case .classes: Int64(MoteClass.allCases.count)
        }
    }
}

extension MarketTerms {
    package subscript(_ setting: TrialSetting) -> Int64 { trials[setting] ?? setting.usual }

    /// Classes of motes for which there are permits.
    package var sizes: [MoteClass] { Array(MoteClass.allCases.prefix(Int(self[.classes]))) }
}
