/// How long one voting interval is and how it is divided, in seconds (dir-spec 3, V3Auth* options).
package struct VotingIntervals: Equatable, Sendable {
    /// From one consensus to the next.
    package var intervalSeconds: Int64
    /// Time in which votes reach every authority.
    package var voteDelaySeconds: Int64
    /// Time in which signatures reach every authority.
    package var distDelaySeconds: Int64

    package init(intervalSeconds: Int64, voteDelaySeconds: Int64, distDelaySeconds: Int64) {
        self.intervalSeconds = intervalSeconds
        self.voteDelaySeconds = voteDelaySeconds
        self.distDelaySeconds = distDelaySeconds
    }
}

/// The voting part of an authority's configuration.
package struct VotingTimes: Equatable, Sendable {
    /// What is voted for and what is used while there is a live consensus (V3AuthVotingInterval, ...).
    package var regular: VotingIntervals
    /// What is used while there is none (TestingV3AuthInitialVotingInterval, ...).
    package var initial: VotingIntervals
    /// How many intervals a consensus stays valid (V3AuthNIntervalsValid).
    package var intervalsValid: Int64
    /// TestingV3AuthVotingStartOffset, seconds.
    package var startOffsetSeconds: Int64

    package init(regular: VotingIntervals, initial: VotingIntervals, intervalsValid: Int64 = 3, startOffsetSeconds: Int64 = 0) {
        self.regular = regular
        self.initial = initial
        self.intervalsValid = intervalsValid
        self.startOffsetSeconds = startOffsetSeconds
    }
}
