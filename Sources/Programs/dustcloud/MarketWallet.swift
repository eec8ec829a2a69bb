internal import Ambience
internal import ArgumentParser
internal import Coordination
internal import Exchange
internal import Glibc
internal import Sealing
internal import Wallet

struct MarketJoin: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "join", abstract: "Make a wallet for an exchange.",
        discussion: """
            TERMS says whose signatures the wallet believes; get it from somebody you trust. The seed that is made is the wallet: copy it to a safe \
            place, and keep a backup with 'market backup'.
            """)

    @OptionGroup var wallet: WalletOption
    @Argument(help: ArgumentHelp("The exchange's terms.", valueName: "terms"), completion: .file()) var terms: String
    @Option(help: ArgumentHelp("Use this seed, of a wallet on another device.", valueName: "file"), completion: .file()) var seed: String?
    @Option(help: ArgumentHelp("This device's number; each device with the same seed has its own.", valueName: "number")) var device: UInt16 = 0

    func run() throws {
        let folder = try wallet.folder()
        try WalletFault.told {
            let text: String
            do { text = try Files.readText(terms) } catch { throw WalletError(.notFound, "cannot read the terms: \(error)") }
            let old = try seed.map { try WalletFolder.readSeed($0).secret }
            _ = try wallet.state.folder()
            try folder.join(text, seed: old, device: device)
            _ = try WalletStore(folder.database)
        }
        Terminal.say("joined \(try folder.readTerms().origin); the wallet's seed is in \(folder.seed)")
        Terminal.say("keep it going with: dustcloud market run")
        if try wallet.state.existing() != nil {
            Terminal.say("the running cloud's client uses what is bought once it is started again (dustcloud down, dustcloud up); motes that it starts from now on can be offered")
        }
    }
}

struct MarketAgent: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Keep the wallet going: order what is due, ask for answers, offer motes, deposit, refund.",
        discussion: "Runs until it is told to end (SIGINT, SIGTERM). Killed at any moment, the next one goes on where it was.")

    @OptionGroup var wallet: WalletOption
    @OptionGroup var route: RouteOptions
    @Flag(help: "For trials: spend fresh credit, wait for no random moment, make no cover. Whoever hurries can be linked to what they paid.") var hurried = false
    @Option(help: ArgumentHelp("End after so many seconds.", valueName: "seconds")) var seconds: Int64?

    private static let longestNapMilliseconds: Int64 = 1_000
    private static let hurriedNapMilliseconds: Int64 = 150

    func run() throws {
        let (folder, store, terms) = try wallet.open()
        try WalletFault.told {
            let lock = try WalletLock(folder)
            guard let port = LinePort(terms, try route.route(wallet.state), now: { SystemTime().wall.secondsSinceEpoch }) else {
                throw WalletError(.badData, "the terms' address \(terms.address) is none")
            }
            let agent = try WalletAgent(folder, store, port, rules: WalletRules(isHurried: hurried))
            agent.onNews = { Terminal.report($0) }
            Terminal.report("wallet of \(terms.origin) runs, through \(route.direct ? "no circuit: the exchange sees from where" : "the overlay")")
            try keepGoing(agent)
            withExtendedLifetime(lock) {}
        }
    }

    private func keepGoing(_ agent: WalletAgent) throws {
        var patience = Patience()
        let start = SystemTime().now
        while true {
            let now = SystemTime().wall.secondsSinceEpoch, next = try agent.step(at: now)
            let nap = min(max(0, (min(next, now + 60) - now) * 1000), hurried ? Self.hurriedNapMilliseconds : Self.longestNapMilliseconds)
            if patience.wait(milliseconds: Int(max(nap, Self.hurriedNapMilliseconds))) { return }
            if let seconds, SystemTime().now - start >= .seconds(seconds) { return }
        }
    }
}

struct MarketHistory: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "history", abstract: "Show what the wallet did. It is kept here only.")

    @OptionGroup var wallet: WalletOption
    @Option(help: ArgumentHelp("How many lines.", valueName: "number")) var count = 50
    @Flag(help: "Print JSON.") var json = false

    struct Line: Encodable {
        let at: String
        let text: String
    }

    func run() throws {
        let (_, store, _) = try wallet.open()
        let lines = try WalletFault.told { try store.history(max(1, count)) }.map { Line(at: WallTime(secondsSinceEpoch: $0.at).rfc3339, text: $0.text) }
        if json { return try JSON.say(lines) }
        guard !lines.isEmpty else { return Terminal.say("nothing happened yet") }
        for line in lines { Terminal.say("\(line.at)  \(line.text)") }
    }
}

struct MarketBackup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Write an encrypted backup of the wallet, and keep it up to date.",
        discussion: """
            The file can lie anywhere: without the seed it says nothing, not even how much is in the wallet. From now on 'market run' writes it anew \
            once a slice, before what it orders is sent. The seed is not in it.
            """)

    @OptionGroup var wallet: WalletOption
    @Argument(help: ArgumentHelp("The backup.", valueName: "file"), completion: .file()) var file: String
    @Flag(help: "Only this once.") var once = false

    func run() throws {
        let (folder, store, _) = try wallet.open()
        let path = Files.whole(file)
        try WalletFault.told {
            try Backup.write(store, try folder.readSeed(), to: path, now: SystemTime().wall.secondsSinceEpoch)
            if !once { try store.set("backup", Array(path.utf8)) }
        }
        Terminal.say("the backup is in \(path); with the seed (\(folder.seed)) it is the wallet")
    }
}

struct MarketRestore: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Make a wallet of a seed and a backup.",
        discussion: """
            What was under way is asked for again, one order after another over the market's next whole day, and with it what was finished lately: so \
            nothing shows that they are one wallet's. Credit of the backup counts when an order with it was carried out, for it may have been spent since.
            """)

    @OptionGroup var wallet: WalletOption
    @Argument(help: ArgumentHelp("The exchange's terms.", valueName: "terms"), completion: .file()) var terms: String
    @Argument(help: ArgumentHelp("The seed.", valueName: "seed"), completion: .file()) var seed: String
    @Argument(help: ArgumentHelp("The backup.", valueName: "backup"), completion: .file()) var backup: String
    @Option(help: ArgumentHelp("Ask for what was under way within so many seconds; for trials.", valueName: "seconds")) var within: Int64?

    func run() throws {
        let folder = try wallet.folder()
        try WalletFault.told {
            guard !folder.exists else { throw WalletError(.usage, "there is a wallet in \(folder.path) already; name another folder with --state") }
            let text: String
            do { text = try Files.readText(terms) } catch { throw WalletError(.notFound, "cannot read the terms: \(error)") }
            let (secret, device) = try WalletFolder.readSeed(seed)
            _ = try wallet.state.folder()
            try folder.join(text, seed: secret, device: device)
            try Backup.restore(
                backup, into: try WalletStore(folder.database), try folder.readSeed(), try folder.readTerms().time, now: SystemTime().wall.secondsSinceEpoch, spreadSeconds: within)
        }
        Terminal.say("restored into \(folder.path); go on with: dustcloud market run")
    }
}

extension Files {
    /// The working folder.
    static var current: String {
        guard let path = getcwd(nil, 0) else { return "." }
        defer { free(path) }
        return String(cString: path)
    }

    /// One name for each place, whether it is there yet or not: from the root, without steps that lead nowhere, and, if it is there, without links.
    static func whole(_ path: String) -> String {
        let whole = "/" + ((path.hasPrefix("/") ? "" : current + "/") + path).split(separator: "/").filter { $0 != "." }.joined(separator: "/")
        guard let found = realpath(whole, nil) else { return whole }
        defer { free(found) }
        return String(cString: found)
    }
}
