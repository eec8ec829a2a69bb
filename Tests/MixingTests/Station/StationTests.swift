import Ambience
import Foundation
import Testing

@testable import Mixing

@Suite("Stations of the mix")
struct StationTests {
    private func finish(_ world: StationWorld, minutes: UInt64 = 30) {
        world.run(for: minutes * 60_000) { world.accepted.count == world.settings.letters && world.accepted.keys.allSatisfy { world.delivered[$0] != nil && world.taken.contains($0) } }
    }

    private func check(_ world: StationWorld) {
        let name = Comment(rawValue: "seed \(world.settings.seed)")
        #expect(world.accepted.count == world.settings.letters && world.damaged == 0, name)
        // A letter whose acceptance was never heard of may come twice, as by SMTP.
        #expect(world.accepted.keys.allSatisfy { id in world.delivered[id].map { $0 == 1 || $0 == 2 && world.again.contains(id) } ?? false }, name)
        #expect(world.again.count < world.accepted.count, name)
        #expect(world.accepted.keys.allSatisfy { world.taken.contains($0) }, name)
        #expect(world.returned.isEmpty && world.givenUp.isEmpty, name)
    }

    @Test("bring letters from gateway to gateway, each once and unchanged; the first hears that it came, and what became of it, with the note that was given with it")
    func quiet() {
        let world = StationWorld(StationWorld.Settings())
        world.write(4, over: 2_000, isReported: true)
        world.run(for: 20 * 60_000) { world.returned.count == 4 && world.taken.count == 4 }
        #expect(world.damaged == 0 && world.accepted.allSatisfy { world.delivered[$0.key] == 1 && world.taken.contains($0.key) })
        #expect(world.returned.count == 4 && world.returned.allSatisfy { world.accepted[$0.key]?.prefix(40).elementsEqual($0.value) ?? false })
    }

    /// `DUSTCLOUD_SEEDS=1000` runs as many histories.
    private static let seeds = UInt64(ProcessInfo.processInfo.environment["DUSTCLOUD_SEEDS"] ?? "") ?? 1

    @Test("lose no letter and double none whatever mote is killed at whatever moment, calls lost and answers lost")
    func kills() async {
        await withTaskGroup { group in
            for seed in 1...Self.seeds {
                group.addTask {
                    var settings = StationWorld.Settings()
                    (settings.seed, settings.letters, settings.killEvery, settings.lost) = (seed, 4, 1_500, 0.05)
                    let world = StationWorld(settings)
                    world.write(4, over: 10_000)
                    finish(world, minutes: 60)
                    check(world)
                    #expect(world.kills > 3)
                }
            }
        }
    }

    @Test("bring letters whose shares take far longer than any mote goes without being killed: what has gone need not go again", arguments: 1...max(2, seeds / 20))
    func longLetters(seed: UInt64) {
        var settings = StationWorld.Settings()
        (settings.seed, settings.letters, settings.letterBytes, settings.packetsPerSecond, settings.killEvery) = (seed, 2, 200_000, 3, 3_000)
        let world = StationWorld(settings)
        world.write(2, over: 1_000)
        finish(world, minutes: 120)
        check(world)
        #expect(world.kills > 30)
    }

    @Test("tell what became of each letter, whatever mote is killed at whatever moment", arguments: 1...max(2, seeds / 20))
    func reported(seed: UInt64) {
        var settings = StationWorld.Settings()
        (settings.seed, settings.letters, settings.killEvery, settings.lost) = (seed, 4, 5_000, 0.05)
        let world = StationWorld(settings)
        world.write(4, over: 5_000, isReported: true)
        world.run(for: 30 * 60_000) { world.returned.count == 4 }
        #expect(world.returned.count == 4 && world.returned.allSatisfy { world.accepted[$0.key]?.prefix(40).elementsEqual($0.value) ?? false }, "seed \(seed)")
        #expect(world.kills > 1)
    }

    @Test("give all that they have to others before they end, through two whole rotations, and no letter is lost or doubled", arguments: 1...max(1, seeds / 8))
    func rotations(seed: UInt64) {
        var settings = StationWorld.Settings()
        (settings.seed, settings.letters, settings.life, settings.lost) = (seed, 6, 240_000, 0.02)
        let world = StationWorld(settings)
        world.write(6, over: 150_000)
        world.run(for: 60 * 60_000) { world.retired >= 10 && world.accepted.count == 6 && world.accepted.keys.allSatisfy { world.taken.contains($0) } }
        check(world)
        #expect(world.retired >= 10)
    }

    @Test("lose no letter when motes are killed while they leave and while others do", arguments: 1...max(1, seeds / 8))
    func killedRotations(seed: UInt64) {
        var settings = StationWorld.Settings()
        (settings.seed, settings.letters, settings.life, settings.lost, settings.killEvery, settings.motesPerExit) = (seed, 6, 120_000, 0.02, 10_000, 2)
        let world = StationWorld(settings)
        world.write(6, over: 150_000)
        world.run(for: 60 * 60_000) { world.retired >= 10 && world.accepted.count == 6 && world.accepted.keys.allSatisfy { world.taken.contains($0) } }
        #expect(world.damaged == 0 && world.retired >= 10 && world.kills > 10)
        #expect(world.accepted.count == 6 && world.accepted.keys.allSatisfy { (world.delivered[$0] ?? 0) >= 1 && world.taken.contains($0) }, "seed \(seed)")
    }
}
