internal import ArgumentParser
internal import Coordination
internal import Leasing
internal import Providers

struct Up: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Bring a cloud up, or take over one that is up, and keep it up.",
        discussion: "Stays in the foreground and tells what happens. Ctrl-C ends the coordinator only: motes live on until they expire, and 'up' takes them over again.")

    enum ProviderName: String, CaseIterable, ExpressibleByArgument {
        case local, vm, ec2, hetzner, digitalocean, vultr, openstack

        var isRented: Bool { ![.local, .vm].contains(self) }
    }

    @OptionGroup var state: StateOption
    @OptionGroup var fleet: FleetOptions
    @Option(help: "Where motes run: as processes of this machine (default), as virtual machines on it, or, with --placement, at a provider alone.")
    var provider: ProviderName?
    @OptionGroup(title: "Virtual machines") var machines: MachineOptions
    @OptionGroup(title: "Rented motes") var clouds: CloudOptions
    @OptionGroup(title: "Letters for addresses outside") var letters: MailExitOptions
    @Option(help: ArgumentHelp("Where the client listens. Default: 127.0.0.1:9150.", valueName: "address:port")) var socks: String?
    @Option(help: ArgumentHelp("The client starts no stream through a mote that ends within this time. Default: as long as motes drain.", valueName: "duration"))
    var streamLife: Duration?
    @Option(help: ArgumentHelp("Seconds between two votes of the authority, 10 to 300, dividing half an hour. Default: 10.", valueName: "seconds"))
    var votingInterval: Int64?
    @Option(help: ArgumentHelp("How long each mote of this machine holds a letter of others on average. Default: a sixtieth of its life, 15s to 30m; none for shorter lives.", valueName: "duration"))
    var mailHold: Duration?
    @Flag(help: "Let motes of this machine carry no mail and keep no mailboxes.") var noMail = false
    @Flag(help: "Let motes connect to private addresses, this machine's own among them.") var allowPrivateExits = false
    @Option(help: ArgumentHelp("The node program. Default: 'mote' beside this program.", valueName: "path"), completion: .file()) var mote: String?
    @Flag(help: "Return once the client is ready; the coordinator goes on by itself.") var detach = false

    func validate() throws {
        guard mailHold == nil || !noMail else { throw ValidationError("--mail-hold and --no-mail exclude each other") }
        guard !letters.isGiven || !noMail else { throw ValidationError("--mail-exit and --no-mail exclude each other") }
    }

    func run() throws {
        let quote = try quoted()
        if clouds.dryRun { return }
        let folder = try state.folder()
        if detach { return try Detached.up(folder, isAgreed: quote != nil) }
        var patience = Patience()
        guard let lock = try StateLock(folder) else {
            throw CoordinationError(.busy, "another coordinator\(StateLock.holder(folder).map { " (pid \($0))" } ?? "") is at work on \(folder.path)")
        }
        let program = try NodeProgram.find(mote)
        let store = try Store(folder)
        try prepare(folder, store, program, quote, &patience)
        var session = try Session(folder: folder, store: store, program: program)
        if session.run(&patience) == .asked {
            Terminal.report("the coordinator ends; motes live until they expire. Take them over with 'dustcloud up', end them with 'dustcloud down'")
        }
        _ = consume lock
    }

    /// For a new cloud of rented motes: what it costs, agreed to before anything is made.
    private func quoted() throws -> Quote? {
        guard try state.existing()?.store.settings().map({ $0.mode == .down }) ?? true else { return nil }
        guard let plan = try clouds.plan(only: provider.flatMap { $0.isRented ? $0.rawValue : nil }) else { return nil }
        if let provider, !provider.isRented { throw CoordinationError(.usage, "--provider \(provider.rawValue) and --placement exclude each other") }
        let quote = try Quote(plan, try policy(for: nil, isRented: true))
        quote.say()
        if clouds.dryRun { return quote }
        try quote.ask()
        guard try clouds.yes || quote.isConfirmed() else { throw ExitCode(1) }
        return quote
    }

    /// Records what is wanted: a new cloud, or changes of the one that is there.
    private func prepare(_ folder: StateFolder, _ store: Store, _ program: String, _ quote: Quote?, _ patience: inout Patience) throws {
        if try store.settings()?.mode == .down {
            Terminal.report("the last cloud is not down yet; first that")
            var session = try Session(folder: folder, store: store, program: program)
            guard session.run(&patience) == .down else { throw ExitCode(130) }
        }
        if let settings = try store.settings() {
            try refuseNetworkChange(settings.network)
            try refuseMachineChange(settings.machines)
            _ = try CloudMaker.change(settings, policy: try fleet.resolved(settings.policy), clouds: try clouds.changed(settings.clouds), mailExit: try letters.wanted(settings.network.mailExit), store: store)
            Terminal.report("taking over the cloud in \(folder.path)")
        } else {
            let found = try newMachines(folder)
            var request = CloudMaker.Request(
                policy: try policy(for: found, isRented: quote != nil), votingIntervalSeconds: votingInterval ?? CloudMaker.usualVotingSeconds,
                isExitToPrivateAllowed: allowPrivateExits, socks: try CloudMaker.SocketAddressText(socks ?? "127.0.0.1:9150"),
                streamLifeSeconds: streamLife?.seconds)
            (request.machines, request.clouds) = (found, quote?.plan)
            (request.mailHoldSeconds, request.hasMail, request.mailExit) = (mailHold?.seconds, !noMail, try letters.wanted())
            Terminal.report("making a new cloud in \(folder.path)")
            _ = try CloudMaker.make(request, folder: folder, store: store, program: program)
        }
    }

    private func newMachines(_ folder: StateFolder) throws -> MachineSettings? {
        if provider == .vm { return try machines.settings(folder) }
        if let given = machines.given { throw CoordinationError(.usage, "\(given) is for virtual machines: --provider vm") }
        return nil
    }

    /// What a machine needs until it relays, where a process needs a second or two: several at once, translated, on a small host.
    private func policy(for machines: MachineSettings?, isRented: Bool) throws -> FleetPolicy {
        var policy = try fleet.resolved()
        if isRented, fleet.policy == nil { policy.startLimitSeconds = Self.rentedStartSeconds }
        if let machines, fleet.policy == nil { policy.startLimitSeconds = machines.isAccelerated ? Self.acceleratedStartSeconds : Self.translatedStartSeconds }
        return policy
    }

    private static let rentedStartSeconds: Int64 = 240
    private static let acceleratedStartSeconds: Int64 = 30
    private static let translatedStartSeconds: Int64 = 120

    private func refuseMachineChange(_ settings: MachineSettings?) throws {
        let changed = (provider == .vm && settings == nil) ? "--provider" : machines.change(of: settings)
        if let changed { throw CoordinationError(.configuration, "\(changed) cannot change while a cloud is up; first: dustcloud down") }
    }

    private func refuseNetworkChange(_ network: NetworkPlan) throws {
        let changed =
            (socks.map { $0 != network.socks } ?? false) ? "--socks"
            : (votingInterval.map { $0 != network.votingIntervalSeconds } ?? false) ? "--voting-interval"
            : (streamLife.map { $0.seconds != network.streamLifeSeconds } ?? false) ? "--stream-life"
            : (mailHold.map { $0.seconds != network.mailHoldSeconds } ?? false) ? "--mail-hold"
            : noMail && network.mailHoldSeconds != nil ? "--no-mail"
            : allowPrivateExits && !network.isExitToPrivateAllowed ? "--allow-private-exits" : nil
        if let changed { throw CoordinationError(.configuration, "\(changed) cannot change while a cloud is up; first: dustcloud down") }
    }
}
