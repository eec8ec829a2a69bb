internal import Ambience
internal import Directory
internal import Sealing

/// Chooses paths of three relays (path-spec 2): the exit by what is to be reached, then the guard from the sample, then the middle.
package struct PathSelector: Sendable {
    package let network: PathNetwork
    package let policy: PathPolicy

    /// Whoever may stand at a position at all, or why nobody may: the same for every path.
    private let eligible: [PathPosition: Result<Sieve, PathFailure>]

    package init(network: PathNetwork, policy: PathPolicy) {
        self.network = network
        self.policy = policy
        let allowed: [PathPosition: RelaySet] = [.entry: policy.entryNodes, .middle: policy.middleNodes, .exit: policy.exitNodes]
        var eligible: [PathPosition: Result<Sieve, PathFailure>] = [:]
        for (position, set) in allowed {
            eligible[position] = Result { () throws(PathFailure) in try Self.sieve(position, network.relays, policy, allowed: set) }
        }
        self.eligible = eligible
    }

    /// How many exits, and entries for each, are tried: in a small network an early choice can block a later one.
    private static let revisionLimit = 8

    /// Guard, middle, exit. A guard that is new to the sample is added to it. The failure is the first that was met.
    package func path(
        for need: PathNeed, guards: inout GuardSample, using random: inout some RandomNumberGenerator
    ) throws(PathFailure) -> [PathRelay] {
        var first: PathFailure?
        var blocked: Set<RSAIdentity> = []
        for _ in 0..<Self.revisionLimit {
            do throws(PathFailure) {
                let exit = try pickExit(need, without: blocked, using: &random)
                blocked.insert(exit.identity)
                return try path(to: exit, need, &guards, using: &random)
            } catch {
                first = first ?? error
                if error.position == .exit { break }
            }
        }
        throw first ?? PathFailure(position: .exit, constraint: .listed, candidates: 0)
    }

    private func path(
        to exit: PathRelay, _ need: PathNeed, _ guards: inout GuardSample, using random: inout some RandomNumberGenerator
    ) throws(PathFailure) -> [PathRelay] {
        var first: PathFailure?
        var blocked: Set<RSAIdentity> = []
        for _ in 0..<Self.revisionLimit {
            do throws(PathFailure) {
                let entry = try pickEntry(need, beside: [exit], without: blocked, &guards, using: &random)
                blocked.insert(entry.identity)
                return [entry, try pickMiddle(need, beside: [exit, entry], using: &random), exit]
            } catch {
                first = first ?? error
                if error.position == .entry { break }
            }
        }
        throw first ?? PathFailure(position: .entry, constraint: .listed, candidates: 0)
    }

    private func pickExit(
        _ need: PathNeed, without taken: Set<RSAIdentity>, using random: inout some RandomNumberGenerator
    ) throws(PathFailure) -> PathRelay {
        var sieve = try sieve(.exit)
        try sieve.demand(.policy, need.isServed)
        try sieve.demand(.refused) { !need.refusers.contains($0.identity) }
        try sieve.demand(.distinct) { !taken.contains($0.identity) }
        return try pick(sieve, need, using: &random)
    }

    private func pickEntry(
        _ need: PathNeed, beside path: [PathRelay], without taken: Set<RSAIdentity>, _ guards: inout GuardSample,
        using random: inout some RandomNumberGenerator
    ) throws(PathFailure) -> PathRelay {
        var sieve = try sieve(.entry)
        guard policy.useEntryGuards else {
            try sieve.demand(.distinct) { isDistinct($0, from: path) && !taken.contains($0.identity) }
            sieve.prefer { $0.flags.contains(.guard) }
            return try pick(sieve, need, using: &random)
        }
        guards.refresh(network, among: sieve.relays, policy, now: need.now, using: &random)
        try sieve.demand(.distinct) { isDistinct($0, from: path) && !taken.contains($0.identity) }
        try demandLife(&sieve, need)
        if need.isLongLived(policy) { keepLongest(&sieve, need) }
        return try guards.pick(among: sieve.relays, network, policy, now: need.now, using: &random)
    }

    private func pickMiddle(_ need: PathNeed, beside path: [PathRelay], using random: inout some RandomNumberGenerator) throws(PathFailure) -> PathRelay {
        var sieve = try sieve(.middle)
        try sieve.demand(.distinct) { isDistinct($0, from: path) }
        return try pick(sieve, need, using: &random)
    }

    private static func sieve(_ position: PathPosition, _ relays: [PathRelay], _ policy: PathPolicy, allowed: RelaySet) throws(PathFailure) -> Sieve {
        var sieve = try Sieve(position, relays)
        try sieve.demand(.running, \.isRunning)
        try sieve.demand(.described, \.isUsable)
        try sieve.demand(.configured) { !policy.excludeNodes.contains($0) && (allowed.isEmpty || allowed.contains($0)) }
        switch position {
        case .entry where policy.useEntryGuards: try sieve.demand(.flagged) { $0.flags.contains(.guard) && !$0.flags.contains(.middleOnly) }
        case .entry, .middle: break
        case .exit:
            try sieve.demand(.configured) { !policy.excludeExitNodes.contains($0) }
            try sieve.demand(.flagged) { $0.flags.isDisjoint(with: [.badExit, .middleOnly]) }
        }
        return sieve
    }

    private func sieve(_ position: PathPosition) throws(PathFailure) -> Sieve {
        guard let eligible = eligible[position] else { throw PathFailure(position: position, constraint: .listed, candidates: 0) }
        return try eligible.get()
    }

    private func pick(_ start: Sieve, _ need: PathNeed, using random: inout some RandomNumberGenerator) throws(PathFailure) -> PathRelay {
        var sieve = start
        try demandLife(&sieve, need)
        if need.isLongLived(policy) { keepLongest(&sieve, need) }
        // An exit refuses streams that come through a relay which its own consensus does not list yet.
        if sieve.position == .middle { sieve.prefer { !$0.isNew } }
        sieve.prefer { $0.flags.contains(.fast) }
        if need.isLongLived(policy) { sieve.prefer { $0.flags.contains(.stable) } }
        guard let relay = sieve.pick(network.weights, using: &random) else {
            throw PathFailure(position: sieve.position, constraint: .listed, candidates: 0)
        }
        return relay
    }

    private func demandLife(_ sieve: inout Sieve, _ need: PathNeed) throws(PathFailure) {
        try sieve.demand(.life) { $0.lives(policy.streamLifeSeconds, from: need.now) }
        sieve.prefer { $0.lives(policy.preferredLifeSeconds, from: need.now) }
    }

    private func keepLongest(_ sieve: inout Sieve, _ need: PathNeed) {
        let longest = Set(Longevity.longest(sieve.relays, now: need.now).map(\.identity))
        sieve.prefer { longest.contains($0.identity) }
    }

    /// Not the same relay, network or family as anybody of the path.
    package func isDistinct(_ relay: PathRelay, from path: [PathRelay]) -> Bool {
        path.allSatisfy { other in
            relay.identity != other.identity && !(policy.enforceDistinctSubnets && sharesNetwork(relay, other)) && !sharesFamily(relay, other)
        }
    }

    /// The same IPv4 /16 or IPv6 /32.
    private func sharesNetwork(_ a: PathRelay, _ b: PathRelay) -> Bool {
        a.addresses.contains { one in b.addresses.contains { $0.ip.sharesPrefix(of: one.ip.isIPv4 ? 16 : 32, with: one.ip) } }
    }

    private func sharesFamily(_ a: PathRelay, _ b: PathRelay) -> Bool {
        if policy.nodeFamilies.contains(where: { $0.contains(a) && $0.contains(b) }) { return true }
        guard let mine = a.details?.family, let theirs = b.details?.family else { return false }
        return mine.sharesKey(with: theirs) || mine.names(b.identity, b.nickname) && theirs.names(a.identity, a.nickname)
    }
}
