package import Ambience

/// When the steps of one voting round are due (dir-spec 3.1).
///
/// Rounds start at multiples of the interval since midnight UTC, so that authorities agree without talking.
package struct VotingSchedule: Equatable, Sendable {
    /// Votes are made and sent from here on.
    package let votingStarts: WallTime
    /// Votes that did not arrive are asked for from here on.
    package let fetchMissingVotes: WallTime
    /// The consensus is computed and signed from here on.
    package let votingEnds: WallTime
    /// Signatures that did not arrive are asked for from here on.
    package let fetchMissingSignatures: WallTime
    /// The consensus is published and valid from here on.
    package let validAfter: WallTime
    /// Seconds to the next round's `validAfter`.
    package let intervalSeconds: Int64

    /// The first round that becomes valid after `now`.
    ///
    /// - Parameter live: the intervals of the consensus that is live at `now`; without one the initial intervals count.
    package static func next(after now: WallTime, times: VotingTimes, live: VotingIntervals?) -> VotingSchedule {
        var intervals = live ?? times.initial
        intervals.intervalSeconds = max(1, intervals.intervalSeconds)
        if intervals.voteDelaySeconds + intervals.distDelaySeconds > intervals.intervalSeconds / 2 {
            intervals.voteDelaySeconds = intervals.intervalSeconds / 4
            intervals.distDelaySeconds = intervals.intervalSeconds / 4
        }
        return VotingSchedule(
            validAfter: startOfInterval(after: now, seconds: intervals.intervalSeconds, offset: times.startOffsetSeconds), intervals: intervals)
    }

    private init(validAfter: WallTime, intervals: VotingIntervals) {
        self.validAfter = validAfter
        intervalSeconds = intervals.intervalSeconds
        votingEnds = validAfter - intervals.distDelaySeconds
        votingStarts = votingEnds - intervals.voteDelaySeconds
        fetchMissingVotes = votingEnds - intervals.voteDelaySeconds / 2
        fetchMissingSignatures = validAfter - intervals.distDelaySeconds / 2
    }

    /// The next multiple of `seconds` since midnight that is later than `now`. No interval crosses midnight, and one that
    /// would last less than half its length before midnight is left out.
    package static func startOfInterval(after now: WallTime, seconds: Int64, offset: Int64 = 0) -> WallTime {
        let midnight = now - now.secondOfDay
        let tomorrow = midnight + 86400
        var next = midnight + (now.secondOfDay / seconds + 1) * seconds
        if next > tomorrow || next + seconds / 2 > tomorrow { next = tomorrow }
        next = next + offset
        return next - seconds > now ? next - seconds : next
    }
}

/// Walks one authority through its rounds: tells which step is due, and when to ask again.
package struct VotingRounds {
    package enum Step: Int, CaseIterable, Sendable {
        case vote, fetchMissingVotes, computeConsensus, fetchMissingSignatures, publish
    }

    package private(set) var schedule: VotingSchedule
    private var next = Step.vote

    package init(schedule: VotingSchedule) { self.schedule = schedule }

    /// When the next step is due.
    package var deadline: WallTime { time(of: next) }

    /// The step that is due at `now`, each once and in order; `nil` when none is.
    ///
    /// After `.publish` the caller gives the next round with `begin`. A round that `now` has left behind by a whole
    /// interval (a machine that slept) is given up: `nil`, and `isOver` says so.
    package mutating func step(now: WallTime) -> Step? {
        guard !isOver(now: now), now >= deadline else { return nil }
        defer { next = Step(rawValue: next.rawValue + 1) ?? .publish }
        if next == .publish { isPublished = true }
        return next
    }

    private var isPublished = false

    /// Whether this round has nothing left to do at `now`.
    package func isOver(now: WallTime) -> Bool { isPublished || now >= schedule.validAfter + schedule.intervalSeconds }

    /// Starts the next round.
    package mutating func begin(_ schedule: VotingSchedule) { self = VotingRounds(schedule: schedule) }

    private func time(of step: Step) -> WallTime {
        switch step {
        case .vote: schedule.votingStarts
        case .fetchMissingVotes: schedule.fetchMissingVotes
        case .computeConsensus: schedule.votingEnds
        case .fetchMissingSignatures: schedule.fetchMissingSignatures
        case .publish: schedule.validAfter
        }
    }
}
