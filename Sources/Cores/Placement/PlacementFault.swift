package import Prices

/// Why there is no plan, and what to do about it.
package enum PlacementFault: Error, Equatable {
    case policy(field: String, expected: String)
    case unknownProvider(String, known: [String])
    case unknownRegion(String, provider: String, known: [String])
    case unknownMachine(String, provider: String, known: [String])
    case unknownGroup(String, known: [String])
    /// The policy rules every place out.
    case noPlace([PlacementPolicy.Refused])
    /// A cap that by itself holds fewer motes than are wanted; `enough` is the share that would not.
    case tooTight(Cap, motes: Int, holds: Int, enough: Amount)
    /// Each cap can be kept but not all of them together; with this one at `enough` it works.
    case together(Cap, motes: Int, placed: Int, enough: Amount)
    /// Caps that can only be kept by none: more than one would have to give way.
    case several([Cap], motes: Int, placed: Int)
    case ceiling(Currency, Amount, leases: Int, needed: Amount)
    case tooManyLeases(Int)

    /// One hard limit of a policy, as it applies to a number of motes.
    package struct Cap: Equatable, Sendable {
        /// `country`, or the name of a group of countries.
        package let name: String
        package let share: Amount
        /// Motes that one class may have.
        package let motes: Int
        package let isGroup: Bool
    }
}

extension PlacementFault: CustomStringConvertible {
    package var description: String {
        switch self {
        case .policy(let field, let expected): "\(field): \(expected)"
        case .unknownProvider(let name, let known): "there is no provider \"\(name)\" in the catalogue; there are \(Self.list(known))"
        case .unknownRegion(let name, let provider, let known): "\(provider) has no region \"\(name)\" in the catalogue; it has \(Self.list(known))"
        case .unknownMachine(let name, let provider, let known): "\(provider) has no machine \"\(name)\" in the catalogue; it has \(Self.list(known))"
        case .unknownGroup(let name, let known): "\"\(name)\" is neither a country's two letters nor a group of the catalogue; groups are \(Self.list(known))"
        case .noPlace(let refused): Self.nowhere(refused)
        case .tooTight(let cap, let motes, let holds, let enough):
            "\(motes) motes cannot be placed: \(cap.rule), and the places that are allowed then hold \(holds); \(cap.remedy) to \(enough.text(decimals: 2, .up)) or allow more places"
        case .together(let cap, let motes, let placed, let enough):
            "\(motes) motes cannot be placed, only \(placed): the caps cannot all be kept at once, and \(cap.rule); \(cap.remedy) to \(enough.text(decimals: 2, .up)) or allow more places"
        case .several(let caps, let motes, let placed):
            "\(motes) motes cannot be placed, only \(placed): no single cap is the cause. The caps are: \(caps.map(\.rule).joined(separator: "; ")). Allow more places or raise several"
        case .ceiling(let currency, let ceiling, let leases, let needed):
            "the ceiling of \(ceiling.text(decimals: 2)) \(currency) is reached after \(leases) leases; the next needs \(needed.text(decimals: 4, .up)) \(currency) more: raise it, plan for a shorter time, or want fewer motes"
        case .tooManyLeases(let limit): "the plan would have more than \(limit) leases: plan for a shorter time or for longer lives"
        }
    }

    private static func list(_ names: [String]) -> String { names.isEmpty ? "none" : names.joined(separator: ", ") }

    private static func nowhere(_ refused: [PlacementPolicy.Refused]) -> String {
        let counts = Dictionary(grouping: refused, by: \.reason).mapValues(\.count).sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        let reasons = counts.map { "\($0.key) (\($0.value) places)" }.joined(separator: "; ")
        return "the policy leaves no place: \(reasons.isEmpty ? "its accounts have none with a known price" : reasons); allow more accounts, countries or currencies"
    }
}

extension PlacementFault.Cap {
    var rule: String {
        let most = "\(motes) \(motes == 1 ? "mote" : "motes")"
        return isGroup ? "all of \(name) together may have \(most) (\(share))" : "one \(name) may have \(most) (\(share))"
    }

    var remedy: String { "raise the cap on \(name)" }
}
