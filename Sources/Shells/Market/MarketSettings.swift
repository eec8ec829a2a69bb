package import Exchange

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
