internal import Leasing
internal import Placement
internal import Prices

/// Where a fleet would be and what it would cost. Amounts are text, so that no reader makes floating point of them; seconds count from now.
struct PlacementReport: Encodable {
    let policy: String
    let fleet: String
    let prices: String
    let seed: UInt64
    let motes: Int
    let horizonSeconds: Int64?
    let leases: [Lease]
    /// To the cent, rounded up, by currency.
    let cost: [String: String]
    /// The most that these leases can cost: each is promised at its ceiling before it is ordered.
    let atMost: [String: String]
    let ceilings: [String: String]
    let costByProvider: [String: String]
    let costByPayer: [String: String]
    /// By the day, from now on, on which leases begin.
    let costByDay: [String]
    let paidSeconds: Int64
    let unusedPaidSeconds: Int64
    let overlapSeconds: Int64
    let spread: [SpreadLine]
    let ruledOut: [RuledOut]
    let notes: [String]

    struct Lease: Encodable {
        let mote: Int
        let lifetimeClass: String
        let generation: Int
        let startSeconds: Int64
        let lifeSeconds: Int64
        let provider: String
        let region: String
        let country: String
        let system: String?
        let machine: String
        let payer: String
        let paidSeconds: Int64
        let sentBytes: Int64
        let currency: String
        let machineCost: String
        let addressCost: String
        let trafficCost: String
        let cost: String
        let ceiling: String
        let why: String
        /// The same in few words.
        let choice: String
        /// What became of each place, for the first lease of each mote.
        let considered: [Considered]
    }

    struct Considered: Encodable {
        let provider: String
        let region: String
        let machine: String
        let payer: String
        let score: Double?
        let verdict: String
    }

    struct SpreadLine: Encodable {
        let dimension: String
        let classes: Int
        let n1: Double
        let n2: Double
        let nInfinity: Double
        let guess: Double
        let guesses: Double
        let coalition1: Double
        let coalition2: Double
        let distinctPair: Double
    }

    struct RuledOut: Encodable {
        let provider: String
        let region: String
        let machine: String
        let reason: String
    }

    init(_ forecast: Forecast, policy: PlacementPolicy, catalogue: Catalogue, fleet: FleetPolicy, horizonSeconds: Int64?, seed: UInt64, shortfall: String? = nil) {
        (self.policy, self.fleet, prices, self.seed, self.horizonSeconds) = (policy.name, fleet.name, catalogue.name, seed, horizonSeconds)
        motes = fleet.normal.motes + fleet.longLived.motes
        leases = forecast.leases.map { Lease($0, forecast.places) }
        cost = Self.cents(forecast.budget.promised.amounts)
        atMost = Self.cents(forecast.ceiling.amounts)
        ceilings = Self.cents(policy.ceilings)
        costByProvider = forecast.cost(by: .provider).mapValues(\.text)
        costByPayer = forecast.cost(by: .payer).mapValues(\.text)
        costByDay = forecast.costByDay.map(\.text)
        (paidSeconds, unusedPaidSeconds, overlapSeconds) = (forecast.paidSeconds, forecast.idleSeconds, forecast.overlapSeconds)
        spread = Dimension.allCases.compactMap { dimension in
            forecast.spreads[dimension].flatMap { $0.shares.isEmpty ? nil : SpreadLine(dimension.rawValue, $0) }
        }
        ruledOut = forecast.refused.map { RuledOut(provider: $0.place.provider, region: $0.place.region, machine: $0.place.machine, reason: $0.reason) }
        notes = Self.notes(forecast, fleet) + [shortfall, Staleness.warning(catalogue)].compactMap { $0 }
    }

    private static func cents(_ amounts: [Currency: Amount]) -> [String: String] {
        Dictionary(uniqueKeysWithValues: amounts.map { ($0.key.rawValue, $0.value.text(decimals: 2, .up)) })
    }

    /// What a careful buyer would want to be told.
    private static func notes(_ forecast: Forecast, _ fleet: FleetPolicy) -> [String] {
        var notes = ["nothing is bought: this is a calculation"]
        var told: Set<String> = []
        let life = fleet.normal.lifetimeSeconds
        for place in forecast.leases.map(\.place) where told.insert("\(place.provider) \(place.machine)").inserted {
            if let note = place.note { notes.append("\(place.provider) \(place.machine): \(note)") }
            let longest = place.tariff.longestSeconds(forPriceOf: life)
            if longest >= life + 60 { notes.append("\(place.provider) \(place.machine): a life of up to \(Duration.text(longest)) costs what one of \(Duration.text(life)) does, traffic apart") }
        }
        if forecast.waits.count > 0 {
            let longest = Duration.text(forecast.waits.longestSeconds)
            notes.append("\(forecast.waits.count) successors wait for room under the caps, the longest \(longest): the fleet is one short meanwhile; more places or wider caps end that")
        }
        for dimension in forecast.unchecked { notes.append("the cap on \(dimension.rawValue) can only be checked once machines have their addresses; a mote that breaks it then is replaced unlisted") }
        return notes
    }
}

extension PlacementReport.Lease {
    init(_ lease: Forecast.Lease, _ places: [Place]) {
        let (place, charge) = (lease.place, lease.charge)
        (mote, lifetimeClass, generation) = (lease.slot + 1, lease.name, lease.generation)
        (startSeconds, lifeSeconds, paidSeconds, sentBytes) = (lease.startSeconds, lease.lifeSeconds, charge.paidSeconds, lease.sentBytes)
        (provider, region, country, machine, payer) = (place.provider, place.region, place.country.rawValue, place.machine, place.payer)
        system = place.system.map { "AS\($0)" }
        currency = charge.currency.rawValue
        (machineCost, addressCost, trafficCost, cost) =
            (charge.machine.description, charge.address.description, charge.traffic.description, charge.total.description)
        ceiling = lease.ceiling.amount.description
        why = Self.why(lease.choice, places.count)
        choice = lease.choice.map { $0.equals == 1 ? "best of \(places.count)" : "1 of best \($0.equals)" } ?? "no choice"
        considered = lease.generation > 0 ? [] : zip(places, lease.choice?.considered ?? []).enumerated().map { index, pair in
            PlacementReport.Considered(pair.0, pair.1, isChosen: index == lease.choice?.index)
        }
    }

    private static func why(_ choice: Placer.Choice?, _ places: Int) -> String {
        guard let choice else { return "the caps left no choice" }
        let out = choice.ruledOut.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "\($0.value) by \($0.key)" }.joined(separator: ", ")
        let drawn = choice.equals == 1 ? "the best" : "drawn from the best \(choice.equals)"
        return "\(drawn) of \(places), score \(Table.fixed(choice.score))" + (out.isEmpty ? "" : "; ruled out: \(out)")
    }
}

extension PlacementReport.Considered {
    init(_ place: Place, _ verdict: Placer.Verdict, isChosen: Bool) {
        (provider, region, machine, payer) = (place.provider, place.region, place.machine, place.payer)
        switch verdict {
        case .ruledOut(let limit): (score, self.verdict) = (nil, "ruled out by \(limit)")
        case .dearer(let value): (score, self.verdict) = (value, "another machine there costs less")
        case .scored(let value): (score, self.verdict) = (value, isChosen ? "chosen" : "possible")
        }
    }
}

extension PlacementReport.SpreadLine {
    init(_ dimension: String, _ spread: Spread) {
        self.dimension = dimension
        classes = spread.shares.count
        (n1, n2, nInfinity) = (spread.n1, spread.n2, spread.nInfinity)
        (guess, guesses) = (spread.guess, spread.guesses)
        (coalition1, coalition2, distinctPair) = (spread.coalition(1), spread.coalition(2), spread.distinctPair)
    }
}

// MARK: For people

extension PlacementReport {
    func say(isWhole: Bool, isExplained: Bool) {
        let time = horizonSeconds.map { "all leases that begin within \(Duration.text($0))" } ?? "the first lease of each"
        Terminal.say("placement \(policy), fleet \(fleet), prices \(prices); repeat with --seed \(seed)\n\(motes) motes, \(time)\n")
        let shown = isWhole ? leases : leases.filter { $0.generation == 0 }
        Terminal.say(Self.table(shown).text)
        if shown.count < leases.count { Terminal.say("and \(leases.count - shown.count) successors; show them with --all") }
        Terminal.say("\n" + Self.bill(shown).text)
        if isExplained {
            Terminal.say("\n" + shown.filter { $0.generation == 0 }.map { Table.wrapped("mote \($0.mote): \($0.why)", indent: "  ") }.joined(separator: "\n"))
            Terminal.say("\n" + considerations.text)
            if !ruledOut.isEmpty { Terminal.say("\n" + refusals.text) }
        }
        Terminal.say("\n" + costs.text)
        Terminal.say("\n" + Self.table(spread).text)
        Terminal.say("\n" + notes.map { Table.wrapped("· \($0)", indent: "  ") }.joined(separator: "\n"))
    }

    private static func table(_ leases: [Lease]) -> Table {
        var table = Table(["MOTE", "IN", "LIVES", "PAID", "PROVIDER", "REGION", "COUNTRY", "MACHINE", "PAYER", "CHOICE"])
        for lease in leases {
            table.add([
                "\(lease.mote)", Duration.text(lease.startSeconds), Duration.text(lease.lifeSeconds), Duration.text(lease.paidSeconds), lease.provider, lease.region,
                lease.country, lease.machine, lease.payer, lease.choice,
            ])
        }
        return table
    }

    /// What each comes to, to the hundredth of a cent; what it is promised at, to the cent.
    private static func bill(_ leases: [Lease]) -> Table {
        var table = Table(["MOTE", "IN", "MACHINE", "ADDRESS", "TRAFFIC", "COST", "AT MOST", "", "SENDS"])
        for lease in leases {
            table.add(
                ["\(lease.mote)", Duration.text(lease.startSeconds)]
                    + [lease.machineCost, lease.addressCost, lease.trafficCost, lease.cost].map { (Amount($0) ?? .zero).text(decimals: 4, .up) }
                    + [(Amount(lease.ceiling) ?? .zero).text(decimals: 2, .up), lease.currency, Table.size(lease.sentBytes)])
        }
        return table
    }

    /// Each place as it stood when each first lease was chosen.
    private var considerations: Table {
        var table = Table(["MOTE", "PROVIDER", "REGION", "MACHINE", "PAYER", "SCORE", "VERDICT"])
        for lease in leases {
            for place in lease.considered {
                table.add(["\(lease.mote)", place.provider, place.region, place.machine, place.payer, place.score.map { Table.fixed($0) } ?? "-", place.verdict])
            }
        }
        return table
    }

    private var refusals: Table {
        var table = Table(["PROVIDER", "REGION", "MACHINE", "NOT CONSIDERED BECAUSE"])
        for place in ruledOut { table.add([place.provider, place.region, place.machine, place.reason]) }
        return table
    }

    private var costs: Table {
        func line(_ purses: [String: String]) -> String { purses.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ") }
        func sums(_ amounts: [String: String]) -> String { amounts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: " + ") }
        var table = Table(["COST", sums(cost)])
        table.add(["at most", sums(atMost)])
        table.add(["ceiling", sums(ceilings)])
        table.add(["by provider", line(costByProvider)])
        table.add(["by payer", line(costByPayer)])
        if costByDay.count > 1 { table.add(["by day", costByDay.joined(separator: ", ")]) }
        table.add(["mote-time paid", "\(Duration.text(paidSeconds)); of it \(Duration.text(unusedPaidSeconds)) not lived, \(Duration.text(overlapSeconds)) beside a successor"])
        return table
    }

    private static func table(_ spread: [SpreadLine]) -> Table {
        var table = Table(["SPREAD", "CLASSES", "N1", "N2", "N∞", "GUESS", "GUESSES", "C1", "C2", "C2 DISTINCT"])
        for line in spread {
            table.add([line.dimension, "\(line.classes)"] + [
                line.n1, line.n2, line.nInfinity, line.guess, line.guesses, line.coalition1, line.coalition2, line.distinctPair,
            ].map { Table.fixed($0) })
        }
        return table
    }
}

extension Table {
    /// Two decimals.
    static func fixed(_ value: Double) -> String {
        let hundredths = Int((value * 100).rounded())
        let digits = "\(abs(hundredths) % 100)"
        return "\(hundredths < 0 ? "-" : "")\(abs(hundredths) / 100).\(digits.count < 2 ? "0" : "")\(digits)"
    }
}
