internal import Ambience
internal import Providers

/// Asks the directory who is listed: often while somebody waits to be, seldom otherwise.
struct DirectoryWatch {
    private static let answerLifetimeVotes: Int64 = 2

    /// The nicknames of the last answer; `nil` once no answer came for long.
    private(set) var listed: Set<String>?
    private let network: NetworkPlan
    private let yard: Yard?
    private var lastAsked: WallTime?
    private var lastAnswer: WallTime?

    /// Asks from the yard if the network is in one.
    init(_ network: NetworkPlan, from yard: Yard?) { (self.network, self.yard) = (network, yard) }

    /// True at the first answer.
    mutating func look(_ now: WallTime, isSettled: Bool) -> Bool {
        let pause = isSettled ? max(1, network.votingIntervalSeconds / 4) : 1
        guard lastAsked.map({ now - $0 >= pause }) ?? true else { return false }
        lastAsked = now
        guard let names = ConsensusProbe.nicknames(address: network.address, directoryPort: network.authorityDirPort, from: yard) else {
            if let last = lastAnswer, now - last > Self.answerLifetimeVotes * network.votingIntervalSeconds { listed = nil }
            return false
        }
        let isFirst = lastAnswer == nil
        (lastAnswer, listed) = (now, names)
        return isFirst
    }
}
