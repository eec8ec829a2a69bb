package import Ambience
package import Directory
internal import Sealing

/// What an authority thinks of all relays it knows: the entries of its vote and the microdescriptors that go with them.
package struct Opinion: Sendable {
    /// A relay with its current descriptor.
    package struct Relay: Sendable {
        package var descriptor: RouterDescriptor
        package var facts: RelayFacts

        package init(descriptor: RouterDescriptor, facts: RelayFacts) {
            self.descriptor = descriptor
            self.facts = facts
        }
    }

    package let thresholds: FlagThresholds
    /// Sorted by RSA identity.
    package private(set) var entries: [VoteEntry] = []
    /// For every method, each once.
    package private(set) var microdescriptors: [Microdescriptor] = []

    /// Relays whose descriptor is too old, or that should be gone by now, are left out. Of relays that claim the same Ed25519
    /// identity only the one published last is kept.
    package init(_ relays: [Relay], rules: FlagRules, now: WallTime) {
        let assignment = FlagAssignment(relays.map(\.facts), rules: rules, now: now)
        thresholds = assignment.thresholds
        for relay in Self.unique(relays).sorted(by: { $0.descriptor.rsa < $1.descriptor.rsa }) where Self.isListed(relay, now: now) {
            var entry = VoteEntry(relay.descriptor, facts: relay.facts, flags: assignment.flags(of: relay.facts))
            add(microdescriptorsOf: relay.descriptor, to: &entry)
            entries.append(entry)
        }
    }

    private static func isListed(_ relay: Relay, now: WallTime) -> Bool {
        if let expires = relay.descriptor.expires, expires <= now { return false }
        return now - relay.descriptor.published <= FlagRules.maximumAgeSeconds
    }

    private static func unique(_ relays: [Relay]) -> [Relay] {
        Dictionary(grouping: relays, by: \.descriptor.ed25519).values.compactMap { same in
            same.max { a, b in
                a.descriptor.published == b.descriptor.published ? a.descriptor.rsa < b.descriptor.rsa : a.descriptor.published < b.descriptor.published
            }
        }
    }

    /// Methods that make the same microdescriptor share a line.
    private mutating func add(microdescriptorsOf descriptor: RouterDescriptor, to entry: inout VoteEntry) {
        for methods in Vote.microdescriptorForms {
            guard let microdescriptor = Microdescriptor.make(from: descriptor, method: methods.lowerBound) else { continue }
            if let last = entry.microdescriptors.indices.last, entry.microdescriptors[last].digest == microdescriptor.digest {
                entry.microdescriptors[last].methods += methods
            } else {
                entry.microdescriptors.append(MicrodescriptorVote(methods: Array(methods), digest: microdescriptor.digest))
                microdescriptors.append(microdescriptor)
            }
        }
    }
}

extension VoteEntry {
    fileprivate init(_ descriptor: RouterDescriptor, facts: RelayFacts, flags: RelayFlags) {
        self.init(
            nickname: descriptor.nickname, rsa: descriptor.rsa, descriptorDigest: descriptor.digest.bytes, published: descriptor.published,
            address: descriptor.address, orPort: descriptor.orPort, directoryPort: descriptor.dirPort)
        self.flags = flags.sortedNames
        ipv6 = facts.ipv6
        version = descriptor.version
        protocols = descriptor.protocolsText
        bandwidth = UInt32(clamping: facts.bandwidthBytes / 1000)
        expires = descriptor.expires
        exitSummary = descriptor.policy.summary().description
        ed25519 = .key(descriptor.ed25519)
        let history = facts.history
        statistics = "wfu=\(Decimals.fixed(history.weightedFractionalUptime, places: 6)) tk=\(history.timeKnownSeconds)"
            + " mtbf=\(Int64(history.meanTimeBetweenFailuresSeconds.rounded()))"
    }
}
