package import Ambience
internal import Directory
package import Sealing

/// The small set of entry relays that a client keeps to (guard-spec, proposal 271, in its essentials).
///
/// A sample is drawn once by weight and kept for months. Those that have been used are confirmed and come first; the first
/// few that the network lists are primary, and paths start at one of them while any can be reached.
package struct GuardSample: Hashable, Sendable {
    package static let sampleLimit = 60
    /// The sample grows until so many of it may be used.
    package static let usableGoal = 20
    package static let primaryCount = 3
    private static let primaryRetrySeconds: Int64 = 600
    private static let otherRetrySeconds: Int64 = 3600

    /// In the order of sampling.
    package private(set) var entries: [GuardEntry]
    /// The guards that paths start at while they can be reached, best first.
    package private(set) var primaries: [RSAIdentity] = []

    package init() { entries = [] }

    /// Reads the values of a state file's `Guard` lines; lines that mean nothing to us are passed over.
    package init(lines: some Sequence<String>) {
        entries = []
        for entry in lines.lazy.compactMap({ GuardEntry(line: $0) }) where entries.count < Self.sampleLimit && !contains(entry.identity) { entries.append(entry) }
    }

    /// The values of the `Guard` lines to keep.
    package var lines: [String] {
        let confirmed = Dictionary(uniqueKeysWithValues: ordered.filter { $0.confirmed != nil }.enumerated().map { ($1.identity, $0) })
        return entries.enumerated().map { $1.line(index: $0, confirmedIndex: confirmed[$1.identity]) }
    }

    private func contains(_ identity: RSAIdentity) -> Bool { entries.contains { $0.identity == identity } }

    /// Confirmed guards in the order of confirmation, then the others in the order of sampling.
    private var ordered: [GuardEntry] {
        let confirmed = entries.filter { $0.confirmed != nil }.sorted { ($0.confirmed ?? $0.sampled) < ($1.confirmed ?? $1.sampled) }
        return confirmed + entries.filter { $0.confirmed == nil }
    }

    /// Fits the sample to the network: forgets guards that are over, fills up from those eligible, finds the primary ones.
    package mutating func refresh(
        _ network: PathNetwork, among eligible: [PathRelay], _ policy: PathPolicy, now: WallTime, using random: inout some RandomNumberGenerator
    ) {
        for index in entries.indices { update(&entries[index], from: network, now: now) }
        entries.removeAll { $0.isOver(now: now) }
        var usableCount = sampled(of: eligible).count
        while entries.count < Self.sampleLimit, usableCount < Self.usableGoal, add(from: eligible, network, now: now, using: &random) != nil { usableCount += 1 }
        choosePrimaries(among: sampled(of: eligible), policy)
    }

    private mutating func choosePrimaries(among usable: [RSAIdentity: PathRelay], _ policy: PathPolicy) {
        let all = ordered.map(\.identity).filter { usable[$0] != nil }
        primaries = Array(all.prefix(max(Self.primaryCount, policy.numEntryGuards)))
    }

    /// Those of the relays that are in the sample: few of perhaps thousands.
    private func sampled(of relays: [PathRelay]) -> [RSAIdentity: PathRelay] {
        let known = Set(entries.map(\.identity))
        var found: [RSAIdentity: PathRelay] = [:]
        for relay in relays where known.contains(relay.identity) { found[relay.identity] = relay }
        return found
    }

    private func update(_ entry: inout GuardEntry, from network: PathNetwork, now: WallTime) {
        guard let relay = network[entry.identity], relay.flags.contains(.guard) else {
            entry.unlisted = entry.unlisted ?? now
            return
        }
        entry.unlisted = nil
        entry.expires = relay.expires
    }

    /// Adds one that is not in the sample yet, by weight.
    private mutating func add(
        from relays: [PathRelay], _ network: PathNetwork, now: WallTime, using random: inout some RandomNumberGenerator
    ) -> PathRelay? {
        let known = Set(entries.map(\.identity))
        let fresh = relays.filter { !known.contains($0.identity) && ($0.expires ?? now + 1) > now }
        guard let relay = WeightedChoice.pick(fresh, weight: { network.weights.weight(of: $0, at: .entry) }, using: &random) else { return nil }
        let sampled = now - Int64.random(in: 0..<GuardEntry.blurSeconds, using: &random)
        entries.append(GuardEntry(identity: relay.identity, nickname: relay.nickname, sampled: sampled, expires: relay.expires))
        return relay
    }

    /// The guard for a path, among relays that fit it. The sample makes room for a new one when none of it fits.
    package mutating func pick(
        among fit: [PathRelay], _ network: PathNetwork, _ policy: PathPolicy, now: WallTime, using random: inout some RandomNumberGenerator
    ) throws(PathFailure) -> PathRelay {
        let fitting = sampled(of: fit)
        let candidates = ordered.filter { fitting[$0.identity] != nil }
        if let identity = choose(candidates, policy, now: now, using: &random), let relay = fitting[identity] { return relay }
        if entries.count >= Self.sampleLimit, let last = entries.lastIndex(where: { $0.confirmed == nil }) { entries.remove(at: last) }
        guard let relay = add(from: fit, network, now: now, using: &random) else {
            throw PathFailure(position: .entry, constraint: .listed, candidates: fit.count)
        }
        return relay
    }

    /// Primary and not failed lately; else another not failed lately; else the one whose failure is oldest.
    private func choose(
        _ sampled: [GuardEntry], _ policy: PathPolicy, now: WallTime, using random: inout some RandomNumberGenerator
    ) -> RSAIdentity? {
        let first = sampled.filter { primaries.contains($0.identity) && $0.isWorthTrying(now: now, retrySeconds: Self.primaryRetrySeconds) }
        if let guardian = first.prefix(max(1, policy.numEntryGuards)).randomElement(using: &random) { return guardian.identity }
        if let other = sampled.first(where: { $0.isWorthTrying(now: now, retrySeconds: Self.otherRetrySeconds) }) { return other.identity }
        return sampled.min { $0.failure < $1.failure }?.identity
    }

    /// A circuit's first hop stands. `true` when the guard is confirmed by it, which is worth keeping on disk.
    package mutating func succeeded(_ identity: RSAIdentity, now: WallTime) -> Bool {
        guard let index = entries.firstIndex(where: { $0.identity == identity }) else { return false }
        entries[index].reachability = .reachable
        guard entries[index].confirmed == nil else { return false }
        entries[index].confirmed = now
        return true
    }

    /// No circuit could be started at it.
    package mutating func failed(_ identity: RSAIdentity, now: WallTime) {
        guard let index = entries.firstIndex(where: { $0.identity == identity }) else { return }
        entries[index].reachability = .unreachable(since: now)
    }
}

extension GuardEntry {
    fileprivate var failure: WallTime {
        if case .unreachable(let since) = reachability { since } else { sampled }
    }
}
