import Ambience
import Testing
import Voting

struct VotingScheduleTests {
    private let times = VotingTimes(
        regular: VotingIntervals(intervalSeconds: 10, voteDelaySeconds: 2, distDelaySeconds: 2),
        initial: VotingIntervals(intervalSeconds: 5, voteDelaySeconds: 2, distDelaySeconds: 2), intervalsValid: 2)

    private func time(_ text: String) throws -> WallTime { try #require(WallTime(text)) }

    @Test("Rounds start at multiples of the interval since midnight")
    func boundaries() throws {
        let schedule = VotingSchedule.next(after: try time("2026-11-21 07:00:03"), times: times, live: times.regular)
        #expect(schedule.validAfter == (try time("2026-11-21 07:00:10")))
        #expect(schedule.votingStarts == (try time("2026-11-21 07:00:06")))
        #expect(schedule.fetchMissingVotes == (try time("2026-11-21 07:00:07")))
        #expect(schedule.votingEnds == (try time("2026-11-21 07:00:08")))
        #expect(schedule.fetchMissingSignatures == (try time("2026-11-21 07:00:09")))
        #expect(VotingSchedule.next(after: try time("2026-11-21 07:00:10"), times: times, live: times.regular).validAfter == (try time("2026-11-21 07:00:20")))
    }

    @Test("Without a live consensus the initial interval counts, with delays that fit into half of it")
    func initial() throws {
        let schedule = VotingSchedule.next(after: try time("2026-11-21 07:00:03"), times: times, live: nil)
        #expect(schedule.validAfter == (try time("2026-11-21 07:00:05")))
        #expect(schedule.votingEnds == (try time("2026-11-21 07:00:04")))
        #expect(schedule.votingStarts == (try time("2026-11-21 07:00:03")))
    }

    @Test("No interval crosses midnight, and a last one of less than half its length is left out")
    func midnight() throws {
        let now = try time("2026-11-21 22:00:00")
        #expect(VotingSchedule.startOfInterval(after: now, seconds: 7 * 3600) == (try time("2026-11-22 00:00:00")))
        #expect(VotingSchedule.startOfInterval(after: try time("2026-11-21 18:00:00"), seconds: 10 * 3600) == (try time("2026-11-21 20:00:00")).advancedToMidnight)
        #expect(VotingSchedule.startOfInterval(after: try time("2026-11-21 23:59:59"), seconds: 10) == (try time("2026-11-22 00:00:00")))
    }

    @Test("A day of rounds under a manual clock does every step once, in order, at its time")
    func oneDay() throws {
        var now = try time("2026-11-21 00:00:01")
        var rounds = VotingRounds(schedule: .next(after: now, times: times, live: nil))
        var published: [WallTime] = []
        var steps: [VotingRounds.Step] = []
        for _ in 0..<86400 {
            while let step = rounds.step(now: now) {
                steps.append(step)
                if step == .publish {
                    #expect(steps == VotingRounds.Step.allCases)
                    #expect(now == rounds.schedule.validAfter)
                    steps = []
                    published.append(now)
                    rounds.begin(.next(after: now, times: times, live: times.regular))
                }
            }
            now = now + 1
        }
        #expect(published.first == (try time("2026-11-21 00:00:05")))
        #expect(zip(published.dropFirst(), published.dropFirst(2)).allSatisfy { $1 - $0 == 10 })
        #expect(published.count == 8641)
    }

    @Test("A machine that slept through a round gives it up")
    func slept() throws {
        let now = try time("2026-11-21 07:00:03")
        var rounds = VotingRounds(schedule: .next(after: now, times: times, live: times.regular))
        #expect(rounds.step(now: now) == nil)
        #expect(rounds.step(now: now + 300) == nil)
        #expect(rounds.isOver(now: now + 300))
    }
}

extension WallTime {
    /// Midnight at the end of this day.
    fileprivate var advancedToMidnight: WallTime { self - secondOfDay + 86400 }
}
