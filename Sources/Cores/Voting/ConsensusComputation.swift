internal import Ambience
package import Directory
internal import Sealing

/// Makes the consensus of one flavour out of votes (dir-spec 3.8).
///
/// Authorities sign only what they computed themselves, so all of them must come to the same bytes: every choice, every tie
/// and every text form here is the one stock tor makes. It depends on the votes alone, not on their order.
package struct ConsensusComputation {
    /// The whole document up to where signatures go, ending in `directory-signature ` (which the digest covers).
    package private(set) var signedText: [UInt8] = []
    package let flavour: ConsensusFlavour
    package let method: Int
    package private(set) var entryCount = 0

    private let votes: [SignedVote]
    /// How many authorities there are, whether they voted or not.
    private let authorityCount: Int
    private let isSharedRandomFresh: Bool
    private var parameters: [ConsensusParameter] = []
    private var totals = BandwidthWeights.Totals.initial

    /// `nil` without votes. `isSharedRandomFresh`: the authority has computed a new shared random value that no consensus has had yet.
    package init?(_ votes: [SignedVote], authorityCount: Int, flavour: ConsensusFlavour, isSharedRandomFresh: Bool = false) {
        guard !votes.isEmpty else { return nil }
        self.votes = votes.sorted { $0.vote.source.identity < $1.vote.source.identity }
        self.authorityCount = max(authorityCount, votes.count)
        self.flavour = flavour
        self.isSharedRandomFresh = isSharedRandomFresh
        method = Self.method(votes.map(\.vote))
        write()
    }

    /// The highest that more than two thirds of the votes support, if this room can compute it.
    private static func method(_ votes: [Vote]) -> Int {
        let all = votes.flatMap { Set($0.methods) }.sorted()
        let best = Tally.frequent(all, moreThan: votes.count * 2 / 3).last ?? 1
        return Vote.supportedMethods.contains(best) ? best : Vote.supportedMethods.upperBound
    }

    private mutating func write() {
        var lines = TextLines()
        let flags = writePreamble(&lines)
        writeAuthorities(&lines)
        writeEntries(&lines, flags: flags)
        lines.add("directory-footer")
        if let weights = BandwidthWeights(totals, scale: max(1, parameter("bwweightscale", default: BandwidthWeights.defaultScale))) { lines.add(weights.line) }
        lines.begin("directory-signature ")
        signedText = lines.bytes
    }

    private func parameter(_ name: String, default fallback: Int32) -> Int32 { parameters.first { $0.name == name }?.value ?? fallback }

    // MARK: Preamble

    private mutating func writePreamble(_ lines: inout TextLines) -> [String] {
        let flags = Set(votes.flatMap(\.vote.knownFlags) + ["NoEdConsensus"]).sorted(by: Tally.byBytes)
        lines.add("network-status-version 3" + (flavour == .ns ? "" : " \(flavour.rawValue)"))
        lines.add("vote-status consensus")
        lines.add("consensus-method \(method)")
        writeTimes(&lines)
        lines.add("client-versions \(versions(\.clientVersions))")
        lines.add("server-versions \(versions(\.serverVersions))")
        lines.add("known-flags \(flags.joined(separator: " "))")
        writeProtocols(&lines)
        parameters = combinedParameters()
        if !parameters.isEmpty { lines.add("params \(parameters.map(\.description).joined(separator: " "))") }
        writeSharedRandom(&lines)
        return flags
    }

    private func median<T: Comparable>(_ field: KeyPath<Vote, T>) -> T {
        // There is at least one vote.
        Tally.lowMedian(votes.map { $0.vote[keyPath: field] }) ?? votes[0].vote[keyPath: field]
    }

    private func writeTimes(_ lines: inout TextLines) {
        lines.add("valid-after \(median(\.validAfter))")
        lines.add("fresh-until \(median(\.freshUntil))")
        lines.add("valid-until \(median(\.validUntil))")
        lines.add("voting-delay \(median(\.voteDelaySeconds)) \(median(\.distDelaySeconds))")
    }

    /// Versions that more than half of those with an opinion recommend.
    private func versions(_ field: KeyPath<Vote, String?>) -> String {
        let lists = votes.compactMap { $0.vote[keyPath: field] }
        let all = lists.flatMap { Set($0.split(separator: ",").map { $0.filter { $0 != " " } }.filter { !$0.isEmpty }) }
        return Tally.frequent(VersionOrder.sorted(all), moreThan: lists.count / 2).joined(separator: ",")
    }

    private func writeProtocols(_ lines: inout TextLines) {
        let half = (authorityCount + 1) / 2
        let twoThirds = (authorityCount * 2 + 2) / 3
        let lists: [(String, KeyPath<Vote, String>, Int)] = [
            ("recommended-client-protocols", \.protocols.recommendedClient, half), ("recommended-relay-protocols", \.protocols.recommendedRelay, half),
            ("required-client-protocols", \.protocols.requiredClient, twoThirds), ("required-relay-protocols", \.protocols.requiredRelay, twoThirds),
        ]
        for (keyword, field, threshold) in lists {
            lines.add("\(keyword) \(ProtocolVote.combine(votes.map { $0.vote[keyPath: field] }, threshold: threshold))")
        }
    }

    /// A parameter needs the votes of more than half of all authorities, or of three.
    private func combinedParameters() -> [ConsensusParameter] {
        let values = Dictionary(grouping: votes.flatMap(\.vote.parameters), by: \.name)
        return values.filter { $0.value.count > authorityCount / 2 || $0.value.count >= 3 }
            .compactMap { name, votes in Tally.lowMedian(votes.map(\.value)).map { ConsensusParameter(name: name, value: $0) } }
            .sorted { Tally.byBytes($0.description, $1.description) }
    }

    /// A value needs more than half of all authorities, a fresh one as many as the parameter says.
    private func writeSharedRandom(_ lines: inout TextLines) {
        let opinions = votes.map(\.vote.sharedRandom).filter(\.participates)
        let agreements = isSharedRandomFresh ? Int(parameter("AuthDirNumSRVAgreements", default: Int32(clamping: authorityCount * 2 / 3))) : 0
        for (keyword, values) in [("shared-rand-previous-value", opinions.compactMap(\.previous)), ("shared-rand-current-value", opinions.compactMap(\.current))] {
            let agreed = Tally.frequent(values.sorted(by: Tally.byBytes), moreThan: max(authorityCount / 2, agreements - 1))
            if let value = agreed.first { lines.add("\(keyword) \(value)") }
        }
    }

    private func writeAuthorities(_ lines: inout TextLines) {
        for vote in votes {
            lines.add(vote.vote.source.description)
            lines.add("contact \(vote.vote.contact)")
            lines.add("vote-digest \(RSAIdentity(vote.digest)?.description ?? "")")
        }
    }

    // MARK: Entries

    private mutating func writeEntries(_ lines: inout TextLines, flags: [String]) {
        let measuring = votes.filter { $0.vote.entries.contains { $0.measuredBandwidth != nil } }.count
        let cap = measuring > 2 ? UInt32(clamping: max(1, parameter("maxunmeasuredbw", default: 20))) : nil
        let rules = EntryRules(
            knownFlags: flags, flagVoters: votes.map { Set($0.vote.knownFlags) }, authorityCount: authorityCount, method: method, unmeasuredCap: cap)
        for group in EntryGroup.collate(votes.map(\.vote), authorityCount: authorityCount) {
            guard let entry = ConsensusEntryChoice(group, rules: rules) else { continue }
            totals.add(entry.bandwidth?.kilobytes ?? 0, isGuard: entry.flags.contains("Guard"), isExit: entry.flags.contains("Exit") && !entry.flags.contains("BadExit"))
            if entry.write(to: &lines, flavour: flavour, method: method) { entryCount += 1 }
        }
    }
}
