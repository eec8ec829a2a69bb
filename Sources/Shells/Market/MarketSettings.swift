package import Exchange

/// What an exchange reckons with, beside its terms. The same for its whole life; only trials have other numbers than the usual.
package struct MarketSettings: Sendable {
    package var rules: MarketRules
    /// Classes of motes for which there are permits.
    package var sizes: [MoteClass] = MoteClass.allCases
    /// Permits begin at each slice whose number is a multiple of this.
    package var permitEvery: Int64 = 1
    /// Permits of each kind for a start that there are whatever the throttle says.
    package var leastPermits: Int64 = 0

    package init(_ terms: MarketTerms) { rules = MarketRules(terms) }
}

/// What happens at an exchange, for its operator: never who asked for what.
package enum MarketNews: Hashable, Sendable, CustomStringConvertible {
    case making(keys: Int)
    case published(LogLeaf.Kind, Int64)
    case settled(Slice, orders: Int)
    /// The same until something else is told.
    case trouble(String)

    package var description: String {
        switch self {
        case .making(let keys): "making keys: \(keys) to go"
        case .published(let kind, let number): "published the keys of \(kind) \(number)"
        case .settled(let slice, let orders): "slice \(slice.index) is settled: \(orders) orders"
        case .trouble(let text): text
        }
    }
}
