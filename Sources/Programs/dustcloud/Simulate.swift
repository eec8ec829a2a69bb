internal import Ambience
internal import ArgumentParser
internal import Coordination
internal import Leasing
internal import Prices
internal import Rehearsal

struct Simulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Play a fleet, the exchange of motes, or mail, for days of virtual time, without a machine or a bill.", subcommands: [Fleet.self, SimulateMarket.self, SimulateMail.self])

    struct Fleet: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "A fleet over simulated providers, with outages, interruptions and losses.",
            discussion: """
                What decides is what 'up' decides with; everything around it is played, from a seed, so that the same words give the same table. \
                Providers and prices are invented; for real prices: dustcloud plan --placement.
                """)

        @OptionGroup var fleet: FleetOptions
        @Option(help: ArgumentHelp("How many providers, 1 to 64.", valueName: "n")) var providers = 8
        @Option(help: ArgumentHelp("How many days, 1 to 366.", valueName: "n")) var days = 7
        @Option(help: ArgumentHelp("Chance begins here.", valueName: "number")) var seed: UInt64 = 1
        @Flag(help: "Nothing goes wrong.") var calm = false
        @Flag(help: "Print JSON.") var json = false

        func run() throws {
            guard (1...Rehearsal.providersLimit).contains(providers) else { throw CoordinationError(.usage, "--providers is 1 to \(Rehearsal.providersLimit)") }
            guard (1...366).contains(days) else { throw CoordinationError(.usage, "--days is 1 to 366") }
            var rehearsal = Rehearsal(timing: try timing(), providers: providers, weather: calm ? .calm : .usual, seed: seed)
            let time = SystemTime()
            var lastWord = time.wall
            for hour in 1...days * 24 {
                rehearsal.run(seconds: 3600)
                guard !json, time.wall - lastWord >= 5 else { continue }
                lastWord = time.wall
                Terminal.report("day \((hour - 1) / 24 + 1) of \(days), \(rehearsal.report.started) machines so far")
            }
            let summary = SimulatedFleet(rehearsal.report, days: days)
            if json { try JSON.say(summary) } else { summary.show() }
        }

        /// The policy's, with as many starts a minute as the fleet needs to come up within the hour.
        private func timing() throws -> Timing {
            var policy = try fleet.resolved()
            if fleet.policy == nil {
                let motes = policy.normal.motes + policy.longLived.motes
                policy.startsPerMinute = max(policy.startsPerMinute, motes / 20)
                policy.startLimitSeconds = 180
                policy.votesToList = 2
            }
            let timing = Timing(policy: policy, votingIntervalSeconds: Self.votingSeconds)
            do throws(PolicyFault) { try timing.validate() } catch { throw CoordinationError(.configuration, "the policy does not fit: \(error)") }
            return timing
        }

        private static let votingSeconds: Int64 = 300
    }
}

/// What `--json` prints and tables show. Money is in invented dollars.
struct SimulatedFleet: Encodable {
    struct Provider: Encodable {
        let provider: String
        let started, listed: Int
        let ends: [String: Int]
        let cost: String
    }

    struct Day: Encodable {
        let day, fewestUsable, mostAlive, intended, gone: Int
        let meanUsable: Double
    }

    let days: [Day]
    let providers: [Provider]
    let started: Int
    let meanLifeSeconds: Int64
    let cost, promised: String
    let machinesOverdue, passes: Int
    let looksPerMoteAndPass: Double
    let faults: [String]

    init(_ report: RehearsalReport, days count: Int) {
        days = report.days.prefix(count).enumerated().map { index, day in
            Day(
                day: index + 1, fewestUsable: day.fewestUsable == .max ? 0 : day.fewestUsable, mostAlive: day.mostAlive, intended: day.intended, gone: day.gone,
                meanUsable: day.meanUsable)
        }
        providers = report.providers.map { provider in
            Provider(
                provider: provider.name, started: provider.started, listed: provider.listed,
                ends: Dictionary(provider.ends.map { ($0.key.rawValue, $0.value) }) { first, _ in first }, cost: provider.cost.text(decimals: 2, .up))
        }
        (started, meanLifeSeconds, cost, promised) = (report.started, report.meanLifeSeconds, report.cost.text(decimals: 2, .up), report.promised.text)
        (machinesOverdue, passes, looksPerMoteAndPass, faults) = (report.overdue, report.passes, report.largestWorkPerMote, report.faults)
    }

    func show() {
        var table = Table(["DAY", "USABLE, MEAN", "FEWEST", "ALIVE, MOST", "INTENDED", "GONE"])
        for day in days { table.add(["\(day.day)", "\(Int(day.meanUsable.rounded()))", "\(day.fewestUsable)", "\(day.mostAlive)", "\(day.intended)", "\(day.gone)"]) }
        Terminal.say(table.text + "\n")
        let reasons = Set(providers.flatMap(\.ends.keys)).sorted()
        var ends = Table(["PROVIDER", "STARTED", "LISTED"] + reasons.map { $0.uppercased() } + ["COST"])
        for provider in providers {
            ends.add([provider.provider, "\(provider.started)", "\(provider.listed)"] + reasons.map { "\(provider.ends[$0] ?? 0)" } + [provider.cost])
        }
        Terminal.say(ends.text + "\n")
        Terminal.say("\(started) machines, each for \(Duration.text(meanLifeSeconds)) on average; \(cost) invented dollars paid, \(promised) promised at most")
        Terminal.say("machines two minutes past their expiry: \(machinesOverdue); looks per mote and pass: \(Int(looksPerMoteAndPass.rounded(.up))) at most, in \(passes) passes")
        for fault in faults { Terminal.complain(fault) }
    }
}
