internal import Ambience
internal import Directory
internal import DirectoryService
internal import Loops
internal import Relaying
internal import Sealing
internal import Torrc

/// What a relay finds out about itself: at which of its addresses others reach it, and what it can carry before anybody uses it.
final class SelfTests {
    private let paths: SelfPaths
    private let overIPv4: ReachabilityTest
    private let overIPv6: ReachabilityTest?
    /// `nil` in a test network: its relays are too near each other for a speed to mean anything.
    private let bandwidth: BandwidthTest?

    init(router: OnionRouter, paths: SelfPaths, address: OwnAddress, isTestingNetwork: Bool) {
        self.paths = paths
        overIPv4 = ReachabilityTest(router: router, address: SocketAddress(ip: address.ip, port: address.orPort))
        overIPv6 = address.ipv6.map { ReachabilityTest(router: router, address: $0) }
        bandwidth = isTestingNetwork ? nil : BandwidthTest(router: router)
    }

    /// Told of tests that begin and of those that succeed.
    var onEvent: (RelayEvent) -> Void = { _ in } {
        didSet {
            overIPv4.onEvent = onEvent
            overIPv6?.onEvent = onEvent
        }
    }

    /// Nothing is published before.
    var isReachable: Bool { overIPv4.isReached }
    /// The descriptor tells of our IPv6 address only then.
    var isReachableOverIPv6: Bool { overIPv6?.isReached ?? false }
    /// Whether what we have carried says what we can.
    var isMeasured: Bool { bandwidth?.isOver ?? false }

    /// What the operator, or our being an authority, makes needless.
    func follow(_ configuration: NodeConfiguration) {
        let relay = configuration.relay
        let isAssumed = relay.isAssumedReachable || configuration.authority.isAuthoritative
        overIPv4.isAssumed = isAssumed
        overIPv6?.isAssumed = isAssumed || relay.isAssumedReachableOverIPv6 == .yes
    }

    /// Once a second; whether there is something new to publish.
    ///
    /// - Parameters:
    ///   - own: the path's end; its addresses are put in.
    ///   - observed: bytes per second, carried in the best ten seconds of late.
    ///   - rate: bytes per second that we may carry.
    func look(_ own: HopTarget, observed: UInt64, rate: UInt64) -> Bool {
        // The one that fewer relays can help with goes first.
        let isReachedNow = [overIPv6, overIPv4].compactMap(\.self).map { $0.look(own, paths) }.contains(true)
        guard isReachable, let bandwidth else { return isReachedNow }
        return bandwidth.look(own.at(overIPv4.address), paths, observed: observed, rate: rate) || isReachedNow
    }
}

/// Paths of circuits that end at ourselves, or of which those along them need not know what they are for.
///
/// Two relays stand before the end, because a relay refuses to extend a circuit back to where it comes from.
final class SelfPaths {
    private static let helperCount = 2
    /// Of a relay on the way of what may take a while.
    private static let leastLifeSeconds: Int64 = 30

    private let router: OnionRouter
    private let store: DirectoryStore
    private var random = SecureRandom()
    /// By whom we were to be reached; they are asked again when nobody else is left.
    private var asked: Set<RSAIdentity> = []
    /// Relays of the newest consensus.
    private var listed: (since: WallTime?, relays: Set<RSAIdentity>) = (nil, [])

    init(router: OnionRouter, store: DirectoryStore) {
        self.router = router
        self.store = store
    }

    /// By any two relays whose keys we have.
    func path(to end: HopTarget) -> [HopTarget]? {
        let helpers = Array(relays(except: end.rsa).lazy.compactMap { [store] in HopTarget($0, store) }.prefix(Self.helperCount))
        return helpers.count == Self.helperCount ? helpers + [end] : nil
    }

    /// To another relay of the newest consensus, by two that are not ourselves. `nil` if there are none, or we lack keys of theirs.
    func path(to end: RSAIdentity, from own: RSAIdentity) -> [HopTarget]? {
        store.consensus(.microdesc)?.entries.first { $0.rsa == end }.flatMap { HopTarget($0, store) }.flatMap { path(to: $0, from: own) }
    }

    /// Likewise, listed or not.
    func path(to end: HopTarget, from own: RSAIdentity) -> [HopTarget]? {
        let helpers = Array(relays(except: end.rsa).lazy.filter { $0.rsa != own && self.stays($0) }.compactMap { [store] in HopTarget($0, store) }.prefix(Self.helperCount))
        return helpers.count == Self.helperCount ? helpers + [end] : nil
    }

    /// Whether all before the end still take part. A relay that drains is waited for by nobody: it ends once the circuits through it have.
    func holds(_ path: [HopTarget]) -> Bool {
        guard let consensus = store.consensus(.microdesc) else { return true }
        if listed.since != consensus.validAfter { listed = (consensus.validAfter, Set(consensus.entries.map(\.rsa))) }
        return path.dropLast().allSatisfy { listed.relays.contains($0.rsa) }
    }

    /// Whether it is not known to end soon, or to have ended since the consensus was made.
    private func stays(_ relay: ConsensusEntry) -> Bool {
        guard let expires = store.descriptor(of: relay.rsa)?.expires ?? relay.expires else { return true }
        return expires - router.loop.wall > Self.leastLifeSeconds
    }

    /// So that the relay before the end opens a link to it: one that has a link to us would use that.
    func freshPath(to own: HopTarget) -> [HopTarget]? {
        let linked = Set(router.links.compactMap(\.identity))
        let needsIPv6 = own.addresses.allSatisfy { !$0.ip.isIPv4 }
        let relays = relays(except: own.rsa)
        let strangers = relays.filter { !linked.contains($0.rsa) && (!needsIPv6 || $0.extendsOverIPv6) }
        if asked.isSuperset(of: strangers.map(\.rsa)) { asked = [] }
        guard let last = first(of: strangers, where: { !asked.contains($0.rsa) }) else { return nil }
        asked.insert(last.rsa)
        // A link that there is already spares a stranger, whom another test may need.
        let helper = first(of: relays) { linked.contains($0.rsa) } ?? first(of: relays) { $0.rsa != last.rsa }
        return helper.map { [$0, last, own] }
    }

    private func relays(except identity: RSAIdentity) -> [ConsensusEntry] {
        (store.consensus(.microdesc)?.entries ?? []).filter { $0.rsa != identity }.shuffled(using: &random)
    }

    private func first(of relays: [ConsensusEntry], where isSuitable: (ConsensusEntry) -> Bool) -> HopTarget? {
        for relay in relays where isSuitable(relay) {
            if let target = HopTarget(relay, store) { return target }
        }
        return nil
    }
}

extension ConsensusEntry {
    /// Whether the relay can be asked to open a link to an IPv6 address: it says so, and has one itself.
    fileprivate var extendsOverIPv6: Bool { protocols.supports("Relay", 3) && otherAddresses.contains { !$0.ip.isIPv4 } }
}

extension HopTarget {
    /// A relay as the consensus has it; `nil` without its microdescriptor.
    init?(_ entry: ConsensusEntry, _ store: DirectoryStore) {
        guard let description = entry.microdescriptorDigest.flatMap(store.microdescriptor) else { return nil }
        self.init(rsa: entry.rsa, ed25519: description.ed25519, addresses: [entry.socketAddress], ntorKey: description.ntorKey)
    }

    /// At this address only.
    func at(_ address: SocketAddress) -> HopTarget {
        var target = self
        target.addresses = [address]
        return target
    }
}
