internal import Ambience
internal import ArgumentParser
internal import Bytes
internal import Coordination
internal import Exchange
internal import Market
internal import Sealing
internal import Synchronization

struct MarketServe: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Run an exchange.",
        discussion: """
            The first start makes the exchange's keys and its terms, which never change: it needs --market, --address, --cashier, three --witness and the \
            --bucket lines. Later starts need --state alone. Give the file 'terms' in the state folder to everybody who is to use the exchange. Keep a copy of \
            the file 'seed' elsewhere: without it all credit is void.
            People should reach it as an onion service: let a tor serve the port of --listen, and name the service in --address.
            Killed at any moment, it goes on where it was when it is started again.
            """)

    @Option(name: .customLong("state"), help: ArgumentHelp("Where the exchange's keys and its database lie.", valueName: "dir"), completion: .directory) var state: String
    @Option(help: ArgumentHelp("Where its ledger is: postgres://USER@HOST/NAME, the password in ~/.pgpass. Default: a file of SQLite's in the state folder.", valueName: "address"))
    var database: String?
    @Option(help: ArgumentHelp("Where it answers.", valueName: "ip:port")) var listen = "127.0.0.1:9080"
    @OptionGroup(title: "First start") var first: MarketFirstStart
    @OptionGroup(title: "Trials") var trial: MarketTrial

    func validate() throws {
        guard database.map(PostgresDatabase.isAddress) != false else { throw ValidationError("--database needs an address such as postgres://exchange@127.0.0.1/market") }
        guard SocketAddress(listen) != nil else { throw ValidationError("--listen needs an IP address and a port, such as 127.0.0.1:9080") }
    }

    func run() throws {
        var patience = Patience()
        let folder = try Self.sorted { try MarketFolder(state) }
        let terms = try first.terms(folder, listen: listen)
        let settings = trial.settings(terms), narrator = MarketNarrator()
        let server = try Self.sorted {
            let store = try MarketStore.open(database ?? folder.database) { Terminal.report("the counts of \($0.count) keys were not what their rows say, as after a backup was given back; they are now") }
            return try MarketServer(folder, terms, settings, store: store, listen: SocketAddress(listen)!) { narrator.tell($0) }
        }
        Terminal.report("the exchange \(terms.origin) answers at \(server.address); its terms: \(folder.terms)")
        while !patience.wait(milliseconds: 1000) {}
        Terminal.report("ending")
        server.end()
    }

    private static func sorted<R>(_ work: () throws -> R) throws -> R {
        do { return try work() } catch let error as CoordinationError { throw error } catch let failure as MarketFolder.Failure {
            if case .inUse = failure { throw CoordinationError(.busy, "\(failure)") }
            throw CoordinationError(.noPermission, "\(failure)")
        } catch { throw CoordinationError(.unavailable, "\(error)") }
    }
}

/// What an exchange is told once.
struct MarketFirstStart: ParsableArguments {
    @Option(help: ArgumentHelp("The exchange's name, which is its log's origin too.", valueName: "origin")) var market: String?
    @Option(help: ArgumentHelp("Where people reach it: an IP address or an onion service, and a port. Default: as --listen.", valueName: "host:port")) var address: String?
    @Option(help: ArgumentHelp("The cashier's public key, from 'market cashier key'.", valueName: "hex")) var cashier: String?
    @Option(help: ArgumentHelp("A witness, three times: its name, its public key, and where it answers.", valueName: "name,hex,host:port")) var witness: [String] = []
    @Option(help: ArgumentHelp("A bucket, up to 32 times: its number, its region and its group of providers.", valueName: "number,region,group")) var bucket: [String] = []
    @Option(help: ArgumentHelp("Seconds of a slice; the usual is 900, others are for trials.", valueName: "seconds")) var sliceSeconds: Int64 = 900
    @Option(help: ArgumentHelp("When slice 0 began, in seconds since 1970. Default: 0; for trials, so that a week begins now.", valueName: "seconds")) var epoch: Int64?

    /// As they are in the folder, or made now.
    func terms(_ folder: MarketFolder, listen: String) throws -> MarketTerms {
        if Files.exists(folder.terms) {
            guard market == nil, witness.isEmpty, bucket.isEmpty else {
                throw CoordinationError(.usage, "\(folder.terms) is there: terms never change, so start it without --market, --witness and --bucket")
            }
            do { return try MarketTerms(try Files.readText(folder.terms)) } catch { throw CoordinationError(.badData, "\(folder.terms): \(error)") }
        }
        guard let market, let cashier, !bucket.isEmpty else {
            throw CoordinationError(.usage, "the first start needs --market, --cashier, three --witness and at least one --bucket: see 'dustcloud market serve --help'")
        }
        do {
            let terms = try MarketTerms(draft(market, cashier, listen, try folder.secrets()))
            guard terms.time.slice(at: SystemTime().wall.secondsSinceEpoch).week >= 1 else {
                throw CoordinationError(.usage, "--epoch must be \(Slice.perWeek) slices ago at least: weeks are numbered from 1")
            }
            try Files.replace(folder.terms, with: terms.text, mode: 0o644)
            return terms
        } catch let fault as MarketTerms.Fault { throw CoordinationError(.usage, "these are no terms of an exchange: \(fault)") } catch {
            throw CoordinationError(.cannotCreate, "\(error)")
        }
    }

    private func draft(_ market: String, _ cashier: String, _ listen: String, _ secrets: MarketSecrets) -> String {
        let trialEpoch = SystemTime().wall.secondsSinceEpoch - Slice.perWeek * sliceSeconds
        var lines = ["Market \(market)", "Address \(address ?? listen)", "LogKey \(Hex.lower(secrets.log.publicKey))", "SealKey \(Hex.lower(secrets.seal.publicKey))"]
        lines += ["CashierKey \(cashier)", "Epoch \(epoch ?? (sliceSeconds == MarketTime.usual.sliceSeconds ? 0 : trialEpoch))", "SliceSeconds \(sliceSeconds)"]
        lines += witness.map { "Witness " + $0.replacing(",", with: " ") } + bucket.map { "Bucket " + $0.replacing(",", with: " ") }
        return lines.joined(separator: "\n") + "\n"
    }
}

/// Smaller numbers than the usual: what they protect from is then not protected from.
struct MarketTrial: ParsableArguments {
    @Option(help: ArgumentHelp("Sets of tokens that an order must hide among.", valueName: "number")) var leastSet: Int64 = MarketRules.usual.leastSet
    @Option(help: ArgumentHelp("Slices that an order waits for them.", valueName: "number")) var longestHold: Int64 = MarketRules.usual.longestHold
    @Option(help: ArgumentHelp("Motes that a bucket's swap fleet needs.", valueName: "number")) var leastFleet = MarketRules.usual.leastFleet
    @Option(help: ArgumentHelp("Motes that any group of providers may list.", valueName: "number")) var groupFloor: Int64 = MarketRules.usual.groupFloor
    @Option(help: ArgumentHelp("Bits of work for a permit without a stake.", valueName: "bits")) var workBits = MarketRules.usual.workBits
    @Option(help: ArgumentHelp("Permits of each kind for a start that there are whatever the throttle says.", valueName: "number")) var leastPermits: Int64 = 0
    @Option(help: ArgumentHelp("Permits begin at each slice whose number is a multiple of this.", valueName: "number")) var permitEvery: Int64 = 1
    @Flag(help: "Only permits for small motes: fewer keys to make.") var onlySmall = false

    func validate() throws {
        guard permitEvery > 0, leastPermits >= 0, (0...40).contains(workBits) else { throw ValidationError("--permit-every and --work-bits must be positive, --work-bits at most 40") }
    }

    func settings(_ terms: MarketTerms) -> MarketSettings {
        var settings = MarketSettings(terms)
        (settings.rules.leastSet, settings.rules.longestHold, settings.rules.leastFleet) = (leastSet, longestHold, leastFleet)
        (settings.rules.groupFloor, settings.rules.workBits) = (groupFloor, workBits)
        (settings.leastPermits, settings.permitEvery) = (leastPermits, permitEvery)
        if onlySmall { settings.sizes = [.small] }
        return settings
    }
}

/// Says each trouble once, and how many keys are still to be made every few seconds.
final class MarketNarrator: Sendable {
    private struct State {
        var trouble = ""
        var toldAt: WallTime?
    }

    private static let progressSeconds: Int64 = 2
    private let state = Mutex(State())

    func tell(_ news: MarketNews) {
        let isNew = state.withLock { state in
            switch news {
            case .trouble(let text):
                defer { state.trouble = text }
                return state.trouble != text
            case .making(let keys):
                let now = SystemTime().wall
                guard keys == 0 || state.toldAt.map({ now - $0 >= Self.progressSeconds }) ?? true else { return false }
                state.toldAt = now
                return true
            case .settled:
                state.trouble = ""
                return true
            case .published: return true
            }
        }
        if isNew { Terminal.report("\(news)") }
    }
}
