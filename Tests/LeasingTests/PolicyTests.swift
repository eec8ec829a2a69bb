import Ambience
import Coordination
import Foundation
import Leasing
import Testing

@Suite struct PolicyTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Policies").path
    private static let files = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter { $0.hasSuffix(".json") }

    @Test("There is a policy to test")
    func present() { #expect(!Self.files.isEmpty) }

    @Test("Every policy is sound and keeps its fleet whole through a day of virtual time", arguments: files)
    func day(file: String) throws {
        let policy = try PolicyFile.load("\(Self.folder)/\(file)")
        let timing = Timing(policy: policy, votingIntervalSeconds: 10)
        try timing.validate()
        var cloud = VirtualCloud(seed: 11, desire: Desire(mode: .up, timing: timing))
        let wanted = policy.normal.motes + policy.longLived.motes
        cloud.run(seconds: 60, passSeconds: 5)
        cloud.run(seconds: 86_400, passSeconds: 5) { cloud in
            if cloud.usable < wanted { cloud.violations.append("\(cloud.usable) usable of \(wanted) at \(cloud.now)") }
            if cloud.running > policy.motesLimit { cloud.violations.append("\(cloud.running) motes") }
        }
        #expect(cloud.violations.isEmpty, "\(file): \(cloud.violations.prefix(3))")
        #expect(cloud.endTimes.count >= 86_400 / Int(policy.normal.lifetimeSeconds) * policy.normal.motes / 2)
    }

    @Test("A plan tells for each mote when it is replaced, drained and ended, in that order")
    func plan() {
        var cloud = VirtualCloud(seed: 5, desire: Desire(mode: .up, timing: Timing(policy: .standard, votingIntervalSeconds: 10)))
        cloud.run(seconds: 60)
        let entries = FleetPlan(desire: cloud.desire, ledger: cloud.durable, now: cloud.now).entries
        for record in cloud.durable.alive {
            #expect(entries.filter { $0.key == record.key }.map(\.step) == [.replace, .drain, .end])
        }
        #expect(entries.map(\.at) == entries.map(\.at).sorted())
        let empty = FleetPlan(desire: cloud.desire, ledger: Ledger(), now: cloud.now).entries
        #expect(empty.map(\.step) == [FleetPlan.Step](repeating: .intend, count: 5))
    }
}
