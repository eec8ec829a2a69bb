internal import Ambience
internal import CloudCalls
internal import Clouds
internal import Coordination
internal import Glibc
internal import Leasing
internal import Placement
internal import Prices

/// What a cloud of rented motes would cost and whether it can be had, before anything is bought.
struct Quote {
    let plan: CloudsPlan
    let timing: Timing
    /// Of the first mote of each slot.
    private let first: Forecast
    private let seed: UInt64

    /// Throws if the policy cannot be met, or the budget does not hold the first motes.
    init(_ plan: CloudsPlan, _ policy: FleetPolicy) throws {
        self.plan = plan
        timing = try FleetForecast.timing(policy, like: nil)
        seed = UInt64.random(in: 0...UInt64(UInt32.max))
        do throws(PlacementFault) { first = try Self.forecast(plan, timing, seed, seconds: 0) } catch { throw CoordinationError(.configuration, "\(error)") }
    }

    private static func forecast(_ plan: CloudsPlan, _ timing: Timing, _ seed: UInt64, seconds: Int64) throws(PlacementFault) -> Forecast {
        var random = SeededRandom(seed: seed)
        return try Forecast(policy: plan.placement, catalogue: plan.catalogue, slots: FleetForecast.slots(timing), horizonSeconds: seconds, random: &random)
    }

    func say() {
        PlacementReport(first, policy: plan.placement, catalogue: plan.catalogue, fleet: timing.policy, horizonSeconds: nil, seed: seed).say(isWhole: false, isExplained: false)
        Terminal.say("\n" + day)
    }

    private var day: String {
        do throws(PlacementFault) {
            return "a day of it costs at most \(try Self.forecast(plan, timing, seed, seconds: 86400).budget.promised.text)"
        } catch { return "a day of it is more than the budget holds: \(error). No mote is rented beyond the budget" }
    }

    /// Asks each provider, as whom we come, what is there and whether the policy's regions are open to us. Costs nothing.
    func ask() throws {
        for (name, account) in try ProviderSet.accounts(plan).sorted(by: { $0.key < $1.key }) {
            do {
                try CloudFault.sorted { try ask(name, account) }
            } catch let error as CoordinationError { throw CoordinationError(error.kind, "\(name): \(error)") }
        }
    }

    private func ask(_ name: String, _ account: CloudAccount) throws {
        let open = try account.places().compactMap { $0 }
        let wanted = Set(first.places.filter { $0.provider == name }.map(\.region)).sorted()
        if let closed = wanted.first(where: { !open.isEmpty && !open.contains($0) }) {
            throw CoordinationError(
                .configuration, "the region \(closed) is not open to this account, which has \(open.sorted().joined(separator: ", ")); name those that you want in the policy's accounts")
        }
        _ = try account.list(fleet: plan.fleet, place: open.isEmpty ? nil : wanted.first ?? open[0])
    }

    /// Whether somebody at a terminal said yes.
    func isConfirmed() throws -> Bool {
        guard isatty(0) == 1, isatty(1) == 1 else { throw CoordinationError(.usage, "nobody is there to be asked whether to spend money: say --yes, or --dry-run to see the cost only") }
        Terminal.say("\nrent these, and their successors, for up to \(plan.budget.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: " + ")) in all? [y/N]")
        return ["y", "yes"].contains(readLine()?.lowercased())
    }
}
