internal import Ambience
package import Leasing
package import Providers

/// Makes a new cloud's network: ports and authority keys, recorded before anything runs on them.
package enum CloudMaker {
    /// A mote is only given a letter that will almost surely have left the mix before that mote ends, which takes so many times as long as one mote holds it on
    /// average.
    private static let holdsInPassage: Int64 = 20
    /// A third of a life is such a passage; the rest is for those who have begun before.
    private static let holdsInLife = 3 * holdsInPassage
    private static let longestHoldSeconds: Int64 = 1800
    /// Less is bought dearly: the shorter the delays, the more cover is sent.
    private static let shortestHoldSeconds: Int64 = 15

    /// How long motes of such a fleet hold packets; `nil` if they live too briefly for mail.
    package static func mailHoldSeconds(_ policy: FleetPolicy) -> Int64? {
        let hold = min(policy.normal.lifetimeSeconds / holdsInLife, longestHoldSeconds)
        return hold >= shortestHoldSeconds ? hold : nil
    }

    /// Between two votes, if nobody wants it otherwise.
    package static let usualVotingSeconds: Int64 = 10

    package struct Request {
        package var policy: FleetPolicy
        package var votingIntervalSeconds: Int64
        package var isExitToPrivateAllowed: Bool
        package var socks: SocketAddressText
        package var streamLifeSeconds: Int64?
        /// How long motes hold packets of the mix on average; `nil`: what suits their lives.
        package var mailHoldSeconds: Int64?
        package var hasMail = true
        /// How letters for addresses outside leave; `nil`: they do not.
        package var mailExit: MailExit?
        /// For a cloud of virtual machines on this machine.
        package var machines: MachineSettings?
        /// For a cloud of rented machines.
        package var clouds: CloudsPlan?

        package init(
            policy: FleetPolicy, votingIntervalSeconds: Int64, isExitToPrivateAllowed: Bool, socks: SocketAddressText, streamLifeSeconds: Int64?
        ) {
            self.policy = policy
            self.votingIntervalSeconds = votingIntervalSeconds
            self.isExitToPrivateAllowed = isExitToPrivateAllowed
            self.socks = socks
            self.streamLifeSeconds = streamLifeSeconds
        }

        var timing: Timing {
            Timing(policy: policy, votingIntervalSeconds: votingIntervalSeconds, expectedStreamLifeSeconds: streamLifeSeconds)
        }

        /// Machines that are motes have nothing but memory, too little to keep others' letters in.
        var mailHold: Int64? { hasMail && machines == nil && clouds == nil ? mailHoldSeconds ?? CloudMaker.mailHoldSeconds(policy) : nil }
    }

    /// An address with a port, checked.
    package struct SocketAddressText {
        package let text: String

        package init(_ text: String) throws(CoordinationError) {
            guard let address = SocketAddress(text), address.ip.isIPv4, address.port > 0 else {
                throw CoordinationError(.usage, "\"\(text)\" is no IPv4 address with a port, such as 127.0.0.1:9150")
            }
            self.text = text
        }

        var isFree: Bool { SocketAddress(text).map(LoopbackPorts.isFree) ?? false }
    }

    /// A new cloud, recorded as wanted.
    package static func make(_ request: Request, folder: StateFolder, store: Store, program: String) throws(CoordinationError) -> CloudSettings {
        try check(request)
        guard request.socks.isFree else {
            throw CoordinationError(.unavailable, "\(request.socks.text) is taken; name another place for the client with --socks")
        }
        let settings: CloudSettings
        do throws(ProviderError) {
            settings = CloudSettings(mode: .up, policy: request.policy, network: try network(request, folder: folder, program: program), machines: request.machines, clouds: request.clouds)
        } catch { throw CoordinationError(.unavailable, "cannot make the authority: \(error)") }
        try store.save(settings)
        return settings
    }

    /// A running cloud with another policy. What the network was made with cannot change.
    package static func change(
        _ settings: CloudSettings, policy: FleetPolicy, clouds: CloudsPlan? = nil, mailExit: MailExit?, store: Store
    ) throws(CoordinationError) -> CloudSettings {
        var changed = settings
        changed.network.mailExit = mailExit
        try checkMail(mailExit, hold: changed.network.mailHoldSeconds)
        if let clouds { changed.clouds = clouds }
        // Whoever made another image since wants it to be used: motes of the one before are replaced.
        do throws(ProviderError) { try changed.machines?.lookAgain() } catch { throw CoordinationError(.unavailable, "\(error)") }
        changed.policy = policy
        changed.mode = .up
        do throws(PolicyFault) { try changed.timing.validate() } catch { throw CoordinationError(.configuration, "the policy does not fit: \(error)") }
        try store.save(changed)
        return changed
    }

    /// Before anything is made or recorded.
    package static func check(_ request: Request) throws(CoordinationError) {
        let interval = request.votingIntervalSeconds
        guard (10...300).contains(interval), 1800 % interval == 0 else {
            throw CoordinationError(.usage, "the voting interval must be 10 to 300 seconds and divide half an hour")
        }
        do throws(PolicyFault) { try request.timing.validate() } catch { throw CoordinationError(.configuration, "the policy does not fit: \(error)") }
        try checkMail(request.mailExit, hold: request.mailHold)
        if let hold = request.mailHoldSeconds { try check(hold, request) }
    }

    private static func checkMail(_ exit: MailExit?, hold: Int64?) throws(CoordinationError) {
        guard exit == nil || hold != nil else {
            throw CoordinationError(.configuration, "letters cannot leave a cloud whose motes carry none: those do that are processes of this machine and live \(holdsInLife * shortestHoldSeconds / 60) minutes and more")
        }
    }

    private static func check(_ holdSeconds: Int64, _ request: Request) throws(CoordinationError) {
        guard request.mailHold != nil else { throw CoordinationError(.usage, "--mail-hold is for motes that are processes of this machine: machines carry no mail") }
        let most = request.policy.normal.lifetimeSeconds / holdsInPassage
        guard holdSeconds <= most else {
            throw CoordinationError(.usage, "motes that end after \(request.policy.normal.lifetimeSeconds) s can hold letters for \(most) s on average, not for \(holdSeconds) s: none would be out of the mix in time; see --mail-hold and --ttl")
        }
    }

    private static func network(_ request: Request, folder: StateFolder, program: String) throws(ProviderError) -> NetworkPlan {
        var random = SystemRandomNumberGenerator()
        guard let relayPort = LoopbackPorts.free(besides: [], random: &random),
            let directoryPort = LoopbackPorts.free(besides: [relayPort], random: &random)
        else { throw ProviderError("no free port on loopback") }
        let isInYard = request.machines != nil
        let address = isInYard ? YardNumber.bridge.address : request.clouds?.address ?? NetworkPlan.loopback
        let authority = Pillar(.authority, state: folder.path)
        // Keys that no settings name are from a start that did not get this far.
        try authority.folder.erase()
        let made = try AuthorityKeys.make(program: program, folder: authority.folder, address: address, directoryPort: directoryPort)
        var plan = NetworkPlan(
            authorityORPort: relayPort, authorityDirPort: directoryPort, authorityIdentity: made.identity, authorityFingerprint: made.fingerprint,
            votingIntervalSeconds: request.votingIntervalSeconds, isExitToPrivateAllowed: request.isExitToPrivateAllowed, socks: request.socks.text,
            streamLifeSeconds: request.timing.streamLifeSeconds, mailHoldSeconds: request.mailHold, address: address, isInYard: isInYard)
        plan.mailExit = request.mailExit
        return plan
    }
}
