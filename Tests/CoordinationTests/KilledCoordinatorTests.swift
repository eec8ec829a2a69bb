import Ambience
import Coordination
import Foundation
import Leasing
import OwnThread
import Testing

@Suite(.serialized, .onItsOwnThread) struct KilledCoordinatorTests {
    private static let kills = 20
    /// One history, or as many as `DUSTCLOUD_ROUNDS` says.
    private static let seeds = (0..<UInt64(max(1, Int(ProcessInfo.processInfo.environment["DUSTCLOUD_ROUNDS"] ?? "") ?? 1))).map { 2026 + $0 }
    private static let motes = 4
    private static let flags = ["--motes", "4", "--ttl", "75s", "--voting-interval", "10"]

    @Test("Killed at twenty random moments of a rotation, the coordinator finds exactly the intended motes: none twice, none forgotten", arguments: Self.seeds)
    func killed(seed: UInt64) async throws {
        var random = SeededRandom(seed: seed)
        let cloud = try LiveCloud()
        try cloud.start(Self.flags)
        try #require(try await cloud.wait(seconds: 360) { try cloud.count("listed") >= Self.motes }, "\(cloud.log)")
        for round in 1...Self.kills {
            try await waitForMoment(cloud, &random)
            cloud.killCoordinator()
            let before = try cloud.look().filter { $0.value.isAlive }.keys
            try cloud.start(Self.flags)
            let isSettled = try await cloud.wait(seconds: 120) { try cloud.isSettled() }
            try #require(isSettled && cloud.isCoordinated, "seed \(seed), kill \(round): not settled\n\(cloud.log.suffix(2000))")
            let known = try cloud.store.ledger().records
            #expect(before.allSatisfy { known[$0] != nil }, "seed \(seed), kill \(round): a mote without an intent")
        }
        try await checkEnd(cloud, seed)
    }

    /// Either any moment within four seconds, or right when a mote is about to be started or ended.
    private func waitForMoment(_ cloud: LiveCloud, _ random: inout SeededRandom) async throws {
        let delay = Int.random(in: 0..<4_000_000, using: &random)
        guard Bool.random(using: &random) else { return try await Task.sleep(for: .microseconds(delay)) }
        let store = try cloud.store
        let steps = try store.events().count
        let end = Date().addingTimeInterval(12)
        while try store.events().count == steps, Date() < end { try await Task.sleep(for: .microseconds(500)) }
        try await Task.sleep(for: .microseconds(delay % 20_000))
    }

    private static func intended(_ cloud: LiveCloud) throws -> Set<MoteKey> {
        Set(try cloud.store.events().compactMap { event in if case .intended = event.change { event.key } else { nil } })
    }

    private func checkEnd(_ cloud: LiveCloud, _ seed: UInt64) async throws {
        #expect(try await cloud.wait(seconds: 360) { try cloud.count("listed") >= Self.motes }, "seed \(seed): the fleet did not recover")
        // On a machine where all is quick the kills may be over before the first lease is.
        #expect(try await cloud.wait(seconds: 300) { try Self.intended(cloud).count > Self.motes + 2 }, "seed \(seed): no rotation was seen")
        let events = try cloud.store.events()
        let intended = try Self.intended(cloud)
        #expect(intended.isSuperset(of: cloud.seen.keys), "seed \(seed): a process that was never intended")
        let restarts = events.count { if case .starting(let attempt) = $0.change { attempt > 1 } else { false } }
        print("seed \(seed): \(Self.kills) kills, \(intended.count) motes, \(restarts) started again")
        let down = try await cloud.command(["down"])
        #expect(down.status == 0 && down.output.contains("proven gone"), "\(down.output)")
        #expect(try cloud.store.ledger().alive.isEmpty)
        #expect(try FileManager.default.contentsOfDirectory(atPath: cloud.scratch.folder.motes).isEmpty)
        let gone = Set(try cloud.store.events().compactMap { event in if case .gone = event.change { event.key } else { nil } })
        #expect(gone.isSuperset(of: intended), "seed \(seed): motes that were never proven gone")
    }
}
