internal import Ambience
internal import ArgumentParser
internal import Bytes
internal import Coordination
internal import Exchange
internal import Market
internal import Sealing

/// What an exchange is told once. It becomes its terms; told again, it must be the same.
struct MarketFirstStart: ParsableArguments {
    @Option(help: ArgumentHelp("The exchange's name, which is its log's origin too.", valueName: "origin")) var market: String?
    @Option(help: ArgumentHelp("Where people reach it: an IP address or an onion service, and a port. Default: as --listen.", valueName: "host:port")) var address: String?
    @Option(help: ArgumentHelp("The cashier's public key, from 'market cashier key'.", valueName: "hex")) var cashier: String?
    @Option(help: ArgumentHelp("A witness, three times: its name, its public key from 'market witness key', and where it answers.", valueName: "name,hex,host:port"))
    var witness: [String] = []
    @Option(help: ArgumentHelp("A bucket, up to 32 times: its number, its region and its group of providers.", valueName: "number,region,group")) var bucket: [String] = []

    /// As they are in the folder, or made now.
    func terms(_ folder: MarketFolder, listen: String, _ trial: MarketTrial) throws -> MarketTerms {
        guard Files.exists(folder.terms) else { return try made(folder, listen, trial) }
        let terms: MarketTerms
        do { terms = try MarketTerms(try Files.readText(folder.terms)) } catch {
            throw CoordinationError(.badData, "\(folder.terms): \(error). Terms never change: bring the file back as it was at the first start")
        }
        let others = others(terms) + trial.others(terms)
        guard others.isEmpty else {
            throw CoordinationError(
                .usage, "\(folder.terms) says otherwise than \(others.joined(separator: ", ")): terms never change, so leave that out; another exchange needs another --state")
        }
        return terms
    }

    /// Options that say something else than the terms.
    private func others(_ terms: MarketTerms) -> [String] {
        let witnesses = terms.witnesses.map { "\($0.name),\(Hex.lower($0.key)),\($0.address)" }, buckets = terms.buckets.map { "\($0.number),\($0.region),\($0.group)" }
        let said: [(name: String, isOther: Bool)] = [
            ("--market", market.map { $0 != terms.origin } ?? false), ("--address", address.map { $0 != terms.address } ?? false),
            ("--cashier", cashier.map { $0.lowercased() != Hex.lower(terms.cashierKey) } ?? false), ("--witness", !witness.isEmpty && Set(witness) != Set(witnesses)),
            ("--bucket", !bucket.isEmpty && Set(bucket) != Set(buckets)),
        ]
        return said.filter(\.isOther).map(\.name)
    }

    private func made(_ folder: MarketFolder, _ listen: String, _ trial: MarketTrial) throws -> MarketTerms {
        let missing = [("--market", market == nil), ("--cashier", cashier == nil), ("three --witness", witness.count != MarketTerms.witnessesCount), ("--bucket", bucket.isEmpty)]
            .filter(\.1).map(\.0)
        guard let market, let cashier, missing.isEmpty else {
            throw CoordinationError(.usage, "\(folder.path) has no terms yet, and the first start needs \(missing.joined(separator: ", ")) too: see 'dustcloud market serve --help'")
        }
        do {
            let terms = try MarketTerms(draft(market, cashier, listen, try folder.secrets(), trial))
            guard terms.time.slice(at: SystemTime().wall.secondsSinceEpoch).week >= 1 else {
                throw CoordinationError(.usage, "--epoch must be \(Slice.perWeek) slices ago at least: weeks are numbered from 1")
            }
            try Files.replace(folder.terms, with: terms.text, mode: 0o644)
            return terms
        } catch let fault as MarketTerms.Fault {
            throw CoordinationError(.usage, "these are no terms of an exchange: \(fault). Nothing was written: start it again with that put right")
        } catch let error as CoordinationError { throw error } catch { throw CoordinationError(.cannotCreate, "\(error)") }
    }

    private func draft(_ market: String, _ cashier: String, _ listen: String, _ secrets: MarketSecrets, _ trial: MarketTrial) -> String {
        var lines = ["Market \(market)", "Address \(address ?? listen)", "LogKey \(Hex.lower(secrets.log.publicKey))", "SealKey \(Hex.lower(secrets.seal.publicKey))"]
        lines += ["CashierKey \(cashier)"] + trial.time(at: SystemTime().wall.secondsSinceEpoch)
        lines += witness.map { "Witness " + $0.replacing(",", with: " ") } + bucket.map { "Bucket " + $0.replacing(",", with: " ") } + trial.lines
        return lines.joined(separator: "\n") + "\n"
    }
}

/// Other numbers than the usual: what they protect from is then not protected from. They are part of the terms.
struct MarketTrial: ParsableArguments {
    @Option(help: ArgumentHelp("Seconds of a slice, 900 unless told.", valueName: "seconds")) var sliceSeconds: Int64?
    @Option(help: ArgumentHelp("When slice 0 began, in seconds since 1970. Default: 0; with --slice-seconds, so that a week begins now.", valueName: "seconds")) var epoch: Int64?
    @Option(help: ArgumentHelp("Sets of tokens that an order must hide among.", valueName: "number")) var leastSet: Int64?
    @Option(help: ArgumentHelp("Slices that an order waits for them.", valueName: "number")) var longestHold: Int64?
    @Option(help: ArgumentHelp("Motes that a bucket's swap fleet needs.", valueName: "number")) var leastFleet: Int64?
    @Option(help: ArgumentHelp("Motes that any group of providers may list.", valueName: "number")) var groupFloor: Int64?
    @Option(help: ArgumentHelp("Bits of work for a permit without a stake.", valueName: "bits")) var workBits: Int64?
    @Option(help: ArgumentHelp("Permits of each kind for a start that there are whatever the throttle says.", valueName: "number")) var leastPermits: Int64?
    @Option(help: ArgumentHelp("Permits begin at each slice whose number is a multiple of this.", valueName: "number")) var permitEvery: Int64?
    @Flag(help: "Only permits for small motes: fewer keys to make.") var onlySmall = false

    private var told: [(name: String, setting: TrialSetting, value: Int64)] {
        let all: [(String, TrialSetting, Int64?)] = [
            ("--least-set", .leastSet, leastSet), ("--longest-hold", .longestHold, longestHold), ("--least-fleet", .leastFleet, leastFleet),
            ("--group-floor", .groupFloor, groupFloor), ("--work-bits", .workBits, workBits), ("--least-permits", .leastPermits, leastPermits),
            ("--permit-every", .permitEvery, permitEvery), ("--only-small", .classes, onlySmall ? 1 : nil),
        ]
        return all.compactMap { name, setting, value in value.map { (name, setting, $0) } }
    }

    func validate() throws {
        for (name, setting, value) in told where !setting.range.contains(value) {
            throw ValidationError("\(name) needs a number from \(setting.range.lowerBound) to \(setting.range.upperBound)")
        }
    }

    /// Those that say something else than the terms.
    func others(_ terms: MarketTerms) -> [String] {
        let time = [("--slice-seconds", sliceSeconds.map { $0 != terms.time.sliceSeconds }), ("--epoch", epoch.map { $0 != terms.time.epoch })].filter { $0.1 == true }.map(\.0)
        return time + told.filter { terms[$0.setting] != $0.value }.map(\.name)
    }

    func time(at now: Int64) -> [String] {
        let seconds = sliceSeconds ?? MarketTime.usual.sliceSeconds
        return ["Epoch \(epoch ?? (seconds == MarketTime.usual.sliceSeconds ? 0 : now - Slice.perWeek * seconds))", "SliceSeconds \(seconds)"]
    }

    var lines: [String] { told.filter { $0.value != $0.setting.usual }.map { "Trial \($0.setting.rawValue) \($0.value)" } }
}
