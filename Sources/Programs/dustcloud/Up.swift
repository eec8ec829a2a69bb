internal import ArgumentParser
internal import Coordination
internal import Leasing
internal import Providers

struct Up: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Bring a cloud up, or take over one that is up, and keep it up.",
        discussion: "Stays in the foreground and tells what happens. Ctrl-C ends the coordinator only: motes live on until they expire, and 'up' takes them over again.")

    enum ProviderName: String, CaseIterable, ExpressibleByArgument { case local }

    @OptionGroup var state: StateOption
    @Option(help: ArgumentHelp("How many motes. Default: the policy's, 5.", valueName: "n")) var motes: Int?
    @Option(help: ArgumentHelp("How long a mote lives, more or less. Default: the policy's, 45m.", valueName: "duration")) var ttl: Duration?
    @Option(help: ArgumentHelp("Motes that live long besides, for streams that must not break.", valueName: "n")) var longLived: Int?
    @Option(help: ArgumentHelp("How long those live.", valueName: "duration")) var longTtl: Duration?
    @Option(help: "Where motes run.") var provider: ProviderName = .local
    @Option(help: ArgumentHelp("A fleet policy in JSON; see Policies/.", valueName: "file"), completion: .file(extensions: ["json"])) var policy: String?
    @Option(help: ArgumentHelp("Where the client listens. Default: 127.0.0.1:9150.", valueName: "address:port")) var socks: String?
    @Option(help: ArgumentHelp("The client starts no stream through a mote that ends within this time. Default: as long as motes drain.", valueName: "duration"))
    var streamLife: Duration?
    @Option(help: ArgumentHelp("Seconds between two votes of the authority, 10 to 300, dividing half an hour. Default: 10.", valueName: "seconds"))
    var votingInterval: Int64?
    @Flag(help: "Let motes connect to private addresses, this machine's own among them.") var allowPrivateExits = false
    @Option(help: ArgumentHelp("The node program. Default: 'mote' beside this program.", valueName: "path"), completion: .file()) var mote: String?
    @Flag(help: "Return once the client is ready; the coordinator goes on by itself.") var detach = false

    func run() throws {
        let folder = try state.folder()
        if detach { return try Detached.up(folder) }
        var patience = Patience()
        guard let lock = try StateLock(folder) else {
            throw CoordinationError(.busy, "another coordinator\(StateLock.holder(folder).map { " (pid \($0))" } ?? "") is at work on \(folder.path)")
        }
        let program = try NodeProgram.find(mote)
        let store = try Store(folder)
        try prepare(folder, store, program, &patience)
        var session = try Session(folder: folder, store: store, program: program)
        if session.run(&patience) == .asked {
            Terminal.report("the coordinator ends; motes live until they expire. Take them over with 'dustcloud up', end them with 'dustcloud down'")
        }
        _ = consume lock
    }

    /// Records what is wanted: a new cloud, or changes of the one that is there.
    private func prepare(_ folder: StateFolder, _ store: Store, _ program: String, _ patience: inout Patience) throws {
        if try store.settings()?.mode == .down {
            Terminal.report("the last cloud is not down yet; first that")
            var session = try Session(folder: folder, store: store, program: program)
            guard session.run(&patience) == .down else { throw ExitCode(130) }
        }
        if let settings = try store.settings() {
            try refuseNetworkChange(settings.network)
            _ = try CloudMaker.change(settings, policy: try adjusted(policy == nil ? settings.policy : try basePolicy()), store: store)
            Terminal.report("taking over the cloud in \(folder.path)")
        } else {
            let request = CloudMaker.Request(
                policy: try adjusted(try basePolicy()), votingIntervalSeconds: votingInterval ?? 10, isExitToPrivateAllowed: allowPrivateExits,
                socks: try CloudMaker.SocketAddressText(socks ?? "127.0.0.1:9150"), streamLifeSeconds: streamLife?.seconds)
            Terminal.report("making a new cloud in \(folder.path)")
            _ = try CloudMaker.make(request, folder: folder, store: store, program: program)
        }
    }

    private func basePolicy() throws -> FleetPolicy { try policy.map { try PolicyFile.load($0) } ?? .standard }

    private func adjusted(_ base: FleetPolicy) throws -> FleetPolicy {
        var policy = base
        policy.normal = .init(motes: motes ?? base.normal.motes, lifetimeSeconds: ttl?.seconds ?? base.normal.lifetimeSeconds)
        policy.longLived = .init(motes: longLived ?? base.longLived.motes, lifetimeSeconds: longTtl?.seconds ?? base.longLived.lifetimeSeconds)
        guard (1...FleetPolicy.fleetLimit).contains(policy.normal.motes), (0...FleetPolicy.fleetLimit).contains(policy.longLived.motes) else {
            throw CoordinationError(.usage, "a fleet has 1 to \(FleetPolicy.fleetLimit) motes")
        }
        // Numbers on the command line are meant; the file's bound is for loops that run away.
        if motes != nil || longLived != nil { policy.motesLimit = max(policy.motesLimit, 2 * (policy.normal.motes + policy.longLived.motes)) }
        return policy
    }

    private func refuseNetworkChange(_ network: NetworkPlan) throws {
        let changed =
            (socks.map { $0 != network.socks } ?? false) ? "--socks"
            : (votingInterval.map { $0 != network.votingIntervalSeconds } ?? false) ? "--voting-interval"
            : (streamLife.map { $0.seconds != network.streamLifeSeconds } ?? false) ? "--stream-life"
            : allowPrivateExits && !network.isExitToPrivateAllowed ? "--allow-private-exits" : nil
        if let changed { throw CoordinationError(.configuration, "\(changed) cannot change while a cloud is up; first: dustcloud down") }
    }
}
