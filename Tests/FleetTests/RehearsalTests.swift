import Leasing
import Rehearsal
import Testing

@Suite("Rehearsals of whole fleets")
struct RehearsalTests {
    private static func timing(motes: Int) -> Timing {
        var policy = FleetPolicy.standard
        policy.normal = .init(motes: motes, lifetimeSeconds: 4 * 3600)
        (policy.motesLimit, policy.startsPerMinute, policy.startLimitSeconds, policy.votesToList) = (2 * motes, max(30, motes / 20), 180, 2)
        return Timing(policy: policy, votingIntervalSeconds: 300)
    }

    @Test("A pass over ten times as many motes is ten times the work, and no more")
    func linear() {
        let looks = [300, 3000].map { motes in
            var rehearsal = Rehearsal(timing: Self.timing(motes: motes), providers: 8, seed: 1)
            rehearsal.run(seconds: 8 * 3600)
            return Double(rehearsal.report.work) / Double(motes)
        }
        #expect(looks[1] < 1.1 * looks[0], "\(looks)")
    }

    @Test("Through a week of outages, interruptions and losses the fleet stays whole but for a few, and nothing outlives its expiry", arguments: [1, 2, 3] as [UInt64])
    func week(seed: UInt64) {
        var rehearsal = Rehearsal(timing: Self.timing(motes: 80), providers: 8, seed: seed)
        rehearsal.run(seconds: 7 * 86400)
        let report = rehearsal.report
        #expect(report.overdue == 0 && report.faults.isEmpty, "\(report.faults)")
        #expect(report.days.prefix(7).allSatisfy { $0.meanUsable > 78 && $0.fewestUsable >= 70 }, "\(report.days.map { ($0.meanUsable, $0.fewestUsable) })")
        #expect(report.meanLifeSeconds > 3 * 3600)
    }

    @Test("The same seed plays the same history")
    func replay() {
        let reports = (0..<2).map { _ in
            var rehearsal = Rehearsal(timing: Self.timing(motes: 40), providers: 3, seed: 9)
            rehearsal.run(seconds: 86400)
            return rehearsal.report
        }
        #expect(reports[0] == reports[1])
    }
}
