internal import Ambience
internal import ArgumentParser
internal import Coordination
internal import Leasing
internal import Placement

struct Plan: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what will happen to each mote, and when; or, with --placement, where motes would be rented and for how much.",
        discussion: """
            With --placement nothing is bought and no provider is asked: places, spread and cost to the cent are calculated from files. \
            Rows say what a lease costs if it goes as planned, and the most that it can cost, which is what is promised for it before it is ordered. \
            'dustcloud up --placement FILE' rents by the same policy and says its own plan first.
            """)

    @OptionGroup var state: StateOption
    @OptionGroup var fleet: FleetOptions
    @Option(help: ArgumentHelp("A placement policy in JSON; see Policies/placement.", valueName: "file"), completion: .file(extensions: ["json"]))
    var placement: String?
    @Option(name: .customLong("for"), help: ArgumentHelp("With --placement: plan all leases that begin within this time. Default: the first of each mote.", valueName: "duration"))
    var horizon: Duration?
    @Option(help: ArgumentHelp("With --placement: chance begins here, so that a plan can be repeated.", valueName: "number")) var seed: UInt64?
    @Flag(help: "With --placement: show every lease, not only each mote's first.") var all = false
    @Flag(help: "With --placement: show what became of each place, for each mote's first lease.") var explain = false
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
        if let placement { return try showPlacement(placement) }
        if let given = fleet.given ?? (horizon != nil ? "--for" : seed != nil ? "--seed" : all ? "--all" : explain ? "--explain" : nil) {
            throw CoordinationError(.usage, "\(given) is for planning before there is a cloud; name a placement policy with --placement")
        }
        try showFuture()
    }

    // MARK: The cloud that is up

    struct Line: Encodable {
        let at: String
        let inSeconds: Int64
        let step: String
        let key: String?
        let lifetimeClass: String
    }

    private func showFuture() throws {
        let (_, store, settings) = try state.required()
        let now = SystemTime().wall
        let desire = Desire(mode: settings.mode, timing: settings.timing, wishes: try store.wishes())
        let entries = FleetPlan(desire: desire, ledger: try store.ledger(), now: now).entries
        let lines = entries.map { entry in
            Line(
                at: entry.at.rfc3339, inSeconds: entry.at - now, step: entry.step.rawValue, key: entry.key?.description,
                lifetimeClass: entry.lifetimeClass.rawValue)
        }
        if json { return try JSON.say(lines) }
        var table = Table(["IN", "AT", "STEP", "MOTE", "CLASS"])
        for line in lines { table.add([Duration.text(line.inSeconds), line.at, line.step, line.key.map { String($0.prefix(8)) } ?? "(new)", line.lifetimeClass]) }
        Terminal.say(table.text)
    }

    // MARK: A cloud that could be

    private func showPlacement(_ path: String) throws {
        let (policy, catalogue) = try PolicyFile.placement(path)
        let existing = try state.existing(), settings = try existing?.store.settings()
        let timing = try FleetForecast.timing(try fleet.resolved(settings?.policy), like: settings)
        let seed = seed ?? UInt64.random(in: 0...UInt64(UInt32.max))
        var random = SeededRandom(seed: seed)
        let forecast: Forecast
        do throws(PlacementFault) {
            forecast = try Forecast(
                policy: policy, catalogue: catalogue, slots: FleetForecast.slots(timing), horizonSeconds: horizon?.seconds ?? 0, random: &random)
        } catch { throw CoordinationError(.configuration, "\(path): \(error)" + FleetForecast.missing(error, policy, catalogue, timing, horizonSeconds: horizon?.seconds ?? 0)) }
        let report = PlacementReport(
            forecast, policy: policy, catalogue: catalogue, fleet: timing.policy, horizonSeconds: horizon?.seconds, seed: seed,
            shortfall: try existing.flatMap { FleetForecast.shortfall(forecast, try $0.store.budget(SystemTime().wall)) })
        json ? try JSON.say(report) : report.say(isWhole: all, isExplained: explain)
    }
}
