internal import Ambience
internal import Bytes
internal import Directory
internal import Sealing

/// What entries are chosen by.
struct EntryRules {
    /// Sorted.
    let knownFlags: [String]
    /// The known flags of each vote.
    let flagVoters: [Set<String>]
    let authorityCount: Int
    let method: Int
    /// Kilobytes a second that an unmeasured relay may count for, where enough authorities measure.
    let unmeasuredCap: UInt32?
}

/// The consensus about one relay that is Running and Valid.
struct ConsensusEntryChoice {
    struct Bandwidth {
        let kilobytes: UInt32
        let isUnmeasured: Bool
    }

    private let chosen: VoteEntry
    private(set) var flags: [String]
    private let version: String?
    private let protocols: String?
    let bandwidth: Bandwidth?
    private let guardFraction: UInt32?
    private let exitSummary: String?
    private let ipv6: SocketAddress?
    private let expires: WallTime?
    private let microdescriptor: [UInt8]?

    /// `nil` when the relay is not listed.
    init?(_ group: EntryGroup, rules: EntryRules) {
        let entries = group.listings.map(\.entry)
        guard let chosen = Self.mostListed(entries), let flags = Self.flags(group, rules: rules) else { return nil }
        let matching = entries.filter { $0.isSameRouter(as: chosen) }
        self.chosen = chosen
        self.flags = flags
        version = Tally.mostFrequent(VersionOrder.sorted(entries.compactMap(\.version).filter { !$0.isEmpty }))
        protocols = Tally.mostFrequent(entries.compactMap(\.protocols).sorted(by: Tally.byBytes))
        bandwidth = Self.bandwidth(entries, cap: rules.unmeasuredCap)
        let fractions = entries.compactMap(\.guardFraction)
        guardFraction = flags.contains("Guard") && fractions.count > 2 ? Tally.lowMedian(fractions) : nil
        exitSummary = Self.summary(entries, digest: chosen.descriptorDigest)
        ipv6 = Self.mostListedIPv6(matching)
        expires = Tally.mostFrequent(matching.compactMap(\.expires).sorted())
        let digests = matching.compactMap { $0.microdescriptors.first { $0.methods.contains(rules.method) }?.digest }
        microdescriptor = Tally.mostFrequent(digests.sorted { $0.lexicographicallyPrecedes($1) })
    }

    /// The entry most votes have; of equals the one published last, then the one with the smaller descriptor digest.
    private static func mostListed(_ entries: [VoteEntry]) -> VoteEntry? {
        var best: (entry: VoteEntry, count: Int)?
        var run: (entry: VoteEntry, count: Int)?
        func settle() {
            guard let run else { return }
            if let best, run.count < best.count || run.count == best.count && run.entry.published <= best.entry.published { return }
            best = run
        }
        for entry in entries.sorted(by: VoteEntry.routerOrder) {
            if let current = run, current.entry.isSameRouter(as: entry) {
                run = (current.entry, current.count + 1)
            } else {
                settle()
                run = (entry, 1)
            }
        }
        settle()
        return best?.entry
    }

    private static func mostListedIPv6(_ matching: [VoteEntry]) -> SocketAddress? {
        let addresses = matching.compactMap(\.ipv6).sorted { a, b in
            a.ip == b.ip ? a.port > b.port : a.ip.bytes.lexicographicallyPrecedes(b.ip.bytes)
        }
        return Tally.mostFrequent(addresses)
    }

    /// Flags that more than half of those who know the flag give; `nil` unless Running and Valid are among them.
    private static func flags(_ group: EntryGroup, rules: EntryRules) -> [String]? {
        var counts: [String: Int] = [:]
        for listing in group.listings {
            for flag in listing.entry.flags { counts[flag, default: 0] += 1 }
        }
        var flags = rules.knownFlags.filter { flag in
            if flag == "NoEdConsensus" { return group.ed25519Agreement <= rules.authorityCount / 2 }
            return counts[flag, default: 0] > rules.flagVoters.filter { $0.contains(flag) }.count / 2
        }
        guard flags.contains("Running"), flags.contains("Valid") else { return nil }
        if flags.contains("MiddleOnly") {
            flags.removeAll { ["Exit", "V2Dir", "Guard", "HSDir"].contains($0) }
            if rules.knownFlags.contains("BadExit"), !flags.contains("BadExit") { flags = (flags + ["BadExit"]).sorted(by: Tally.byBytes) }
        }
        return flags
    }

    private static func bandwidth(_ entries: [VoteEntry], cap: UInt32?) -> Bandwidth? {
        let measured = entries.compactMap(\.measuredBandwidth)
        if measured.count > 2, let median = Tally.lowMedian(measured) { return Bandwidth(kilobytes: median, isUnmeasured: false) }
        guard let median = Tally.lowMedian(entries.compactMap(\.bandwidth)) else { return nil }
        return Bandwidth(kilobytes: min(median, cap ?? median), isUnmeasured: true)
    }

    /// The summary of those who list the chosen descriptor; failing that, of all.
    private static func summary(_ entries: [VoteEntry], digest: [UInt8]) -> String? {
        let matching = entries.filter { $0.descriptorDigest == digest }.compactMap(\.exitSummary)
        return Tally.mostFrequent((matching.isEmpty ? entries.compactMap(\.exitSummary) : matching).sorted(by: Tally.byBytes))
    }

    /// Writes the entry; `false` when the flavour leaves it out for want of a microdescriptor.
    func write(to lines: inout TextLines, flavour: ConsensusFlavour, method: Int) -> Bool {
        guard flavour == .ns || microdescriptor != nil else { return false }
        lines.add(routerLine(flavour: flavour, method: method))
        if let ipv6 { lines.add("a \(ipv6)") }
        if flavour == .microdesc, let microdescriptor { lines.add("m \(Base64.encode(microdescriptor, padded: false))") }
        lines.add((["s"] + flags).joined(separator: " "))
        if let version { lines.add("v \(version)") }
        if let protocols { lines.add("pr \(protocols)") }
        if let bandwidth {
            lines.add("w Bandwidth=\(bandwidth.kilobytes)\(bandwidth.isUnmeasured ? " Unmeasured=1" : "")\(guardFraction.map { " GuardFraction=\($0)" } ?? "")")
        }
        if let expires { lines.add("dust-expires \(expires)") }
        if flavour == .ns, let exitSummary { lines.add("p \(exitSummary)") }
        return true
    }

    private func routerLine(flavour: ConsensusFlavour, method: Int) -> String {
        let published = flavour == .microdesc && method >= 33 ? "2038-01-01 00:00:00" : chosen.published.description
        let digest = flavour == .ns ? " " + Base64.encode(chosen.descriptorDigest, padded: false) : ""
        return "r \(chosen.nickname) \(Base64.encode(chosen.rsa.bytes, padded: false))\(digest) \(published) \(chosen.address) \(chosen.orPort) \(chosen.directoryPort)"
    }
}

extension VoteEntry {
    /// Whether both were made from the same descriptor and say the same of it.
    fileprivate func isSameRouter(as other: VoteEntry) -> Bool {
        descriptorDigest == other.descriptorDigest && published == other.published && nickname == other.nickname && address == other.address
            && orPort == other.orPort && directoryPort == other.directoryPort
    }

    /// The order that decides ties. Some fields count downwards, as in stock.
    fileprivate static func routerOrder(_ a: VoteEntry, _ b: VoteEntry) -> Bool {
        if a.descriptorDigest != b.descriptorDigest { return a.descriptorDigest.lexicographicallyPrecedes(b.descriptorDigest) }
        if a.published != b.published { return a.published > b.published }
        if a.nickname != b.nickname { return Tally.byBytes(b.nickname, a.nickname) }
        if a.address != b.address { return a.address.bytes.lexicographicallyPrecedes(b.address.bytes) }
        return a.orPort == b.orPort ? a.directoryPort > b.directoryPort : a.orPort > b.orPort
    }
}
