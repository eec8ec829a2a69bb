internal import ArgumentParser
internal import Coordination
internal import Leasing

/// How many motes are wanted and how long they live.
struct FleetOptions: ParsableArguments {
    @Option(help: ArgumentHelp("How many motes. Default: the policy's, 5.", valueName: "n")) var motes: Int?
    @Option(help: ArgumentHelp("How long a mote lives, more or less. Default: the policy's, 45m.", valueName: "duration")) var ttl: Duration?
    @Option(help: ArgumentHelp("Motes that live long besides, for streams that must not break.", valueName: "n")) var longLived: Int?
    @Option(help: ArgumentHelp("How long those live.", valueName: "duration")) var longTtl: Duration?
    @Option(help: ArgumentHelp("A fleet policy in JSON; see Policies/.", valueName: "file"), completion: .file(extensions: ["json"])) var policy: String?

    /// The first of these that was given, if any was.
    var given: String? {
        motes != nil ? "--motes" : ttl != nil ? "--ttl" : longLived != nil ? "--long-lived" : longTtl != nil ? "--long-ttl" : policy != nil ? "--policy" : nil
    }

    /// The policy's file, or else `settled`, or else the standard; with what the command line says instead.
    func resolved(_ settled: FleetPolicy? = nil) throws -> FleetPolicy {
        let base = try policy.map { try PolicyFile.load($0) } ?? settled ?? .standard
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
}
