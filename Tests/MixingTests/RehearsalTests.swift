import Foundation
import Testing

@testable import Mixing

@Suite("Rehearsals of the mix")
struct RehearsalTests {
    private static let seeds = max(1, Int(ProcessInfo.processInfo.environment["DUSTCLOUD_SEEDS"] ?? "") ?? 1)

    private func small(seed: UInt64) -> MixRehearsal.Settings {
        var settings = MixRehearsal.Settings()
        (settings.layout, settings.letters, settings.hours, settings.seed) = (SphinxLayout(payloadBytes: 1400), 12, 10, seed)
        (settings.gateways, settings.packetsPerGatewayAndHour) = (3, 80)
        return settings
    }

    @Test("every letter comes once and intact while motes rotate, are killed, hand over, are lost and drop packets", arguments: 1...UInt64(seeds))
    func storm(seed: UInt64) {
        var rehearsal = MixRehearsal(small(seed: seed))
        while rehearsal.run(hours: .max / 3_600_000) {}
        let report = rehearsal.report
        #expect(report.letters == 12 && report.delivered == 12 && report.twice == 0, "seed \(seed)")
        #expect(report.faults.isEmpty, "seed \(seed): \(report.faults)")
        #expect(report.restarted == 1 && report.rotated > 0 && report.handedOver > 0 && report.droppedPackets > 0 && report.lostPackets > 0, "seed \(seed)")
        #expect(report.replaysRefused > report.replays / 2 && report.answered > 6 && report.wronglySuspected == 0, "seed \(seed)")
    }

    @Test("what is seen on the links is the same, packet for packet, whether there are letters or not")
    func unseen() {
        var seen: [[MixRehearsal.Seen]] = []
        for letters in [0, 12] {
            var settings = small(seed: 5)
            (settings.letters, settings.isStormy, settings.isAnswered, settings.isWatched, settings.hours) = (letters, false, false, true, 6)
            var rehearsal = MixRehearsal(settings)
            while rehearsal.run(hours: 6) {}
            #expect(rehearsal.report.delivered == letters && rehearsal.report.faults.isEmpty)
            seen.append(rehearsal.seen)
        }
        #expect(seen[0] == seen[1] && seen[0].count > 2500)
    }

    @Test("a letter among many has the bits that the formula says, within a tenth", arguments: [(40.0, 8, 1), (400, 2, 2), (2000, 1, 3)])
    func crowd(packetsHeld: Double, rounds: Int, layers: Int) {
        var settings = MixCrowd.Settings()
        (settings.packetsPerSecond, settings.meanDelaySeconds, settings.rounds, settings.layers, settings.letters) = (packetsHeld / 60, 60, rounds, layers, 64)
        settings.width = layers > 1 ? 5 : 1
        var crowd = MixCrowd(settings)
        let result = crowd.run(), formula = MixEntropy.bits(packetsPerSecond: packetsHeld / 60, meanDelaySeconds: 60, hops: layers)
        #expect(abs(result.bits - formula) < 0.1, "\(result.bits) for \(formula)")
        #expect(result.guessBits < result.bits && result.letters == 64 * rounds)
    }

    @Test("a lone sender looks like a silent one with cover in whose place letters go, not without it and not with letters besides")
    func loneSender() {
        var settings = LoneSender.Settings()
        settings.runs = 1500
        var lone = LoneSender(settings)
        let (bare, besides, covered) = (lone.run(.none), lone.run(.besides), lone.run(.instead))
        #expect(bare.highest > 0.99 && besides.highest > 0.65)
        #expect(covered.lowest > 0.46 && covered.highest < 0.54, "\(covered.areas)")
    }

    @Test("with letters in the place of cover a history is the same with a letter and without")
    func histories() {
        let lone = LoneSender(LoneSender.Settings())
        for seed in 1...50 as ClosedRange<UInt64> { #expect(lone.history(.instead, sends: true, seed: seed) == lone.history(.instead, sends: false, seed: seed)) }
        #expect(lone.history(.besides, sends: true, seed: 1) != lone.history(.besides, sends: false, seed: 1))
    }

    @Test("areas under the curve count equal figures half")
    func areas() {
        #expect(LoneSender.area([1, 2], [3, 4]) == 1 && LoneSender.area([3, 4], [1, 2]) == 0 && LoneSender.area([1, 1], [1, 1]) == 0.5)
        #expect(LoneSender.area([1, 3], [2, 3]) == 0.625)
    }
}
