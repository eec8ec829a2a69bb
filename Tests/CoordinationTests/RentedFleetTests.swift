import Ambience
import Coordination
import Foundation
import FreePorts
import Leasing
import Placement
import Prices
import Providers
import Testing
import Usage

/// Machines that exist from the order on, each at an address that its number gives it.
private final class Rented: MoteProvider {
    var alive: [MoteKey: String] = [:]
    var starts = 0
    private let address: (Int) -> String

    init(address: @escaping (Int) -> String = { "203.\($0).113.1" }) { self.address = address }

    func observe() -> [MoteKey: Sighting] {
        alive.mapValues { Sighting(instances: [$0], hasFolder: true, place: $0 + ":9001", report: MoteReport(bootstrapped: 100, bytesWritten: 1000)) }
    }

    func start(_ lease: Lease, attempt: Int) {
        alive[lease.key] = address(starts)
        starts += 1
    }

    func drain(_ key: MoteKey) {}
    func stop(_ key: MoteKey) { alive[key] = nil }
    func kill(_ key: MoteKey) { alive[key] = nil }
    func erase(_ key: MoteKey) {}
}

private final class Ear {
    var troubles: [String] = []
    func hear(_ news: News) { if case .trouble(let text) = news, text.hasPrefix("no further mote") { troubles.append(text) } }
}

@Suite struct RentedFleetTests {
    private let scratch = Scratch()
    private let time = ManualTime(wall: WallTime(secondsSinceEpoch: 1_800_000_000))
    private static let policies = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Policies").path

    /// Five motes with one provider, whose hours cost less than half a cent.
    private func coordinator(_ provider: Rented, _ store: Store, caps: [Placement.Dimension: Amount] = [:], _ ear: Ear) throws -> Coordinator {
        var (policy, catalogue) = try PolicyFile.placement(Self.policies + "/placement/rented.json")
        policy.accounts = policy.accounts.filter { $0.provider == "hetzner" }
        policy.caps = caps
        let network = NetworkPlan(
            authorityORPort: 1, authorityDirPort: try #require(FreePorts.next()), authorityIdentity: "A", authorityFingerprint: "B", votingIntervalSeconds: 10,
            isExitToPrivateAllowed: false, socks: "127.0.0.1:1", streamLifeSeconds: 60)
        try store.save(CloudSettings(mode: .up, policy: .standard, network: network))
        let siting = try PlacedSiting(policy: policy, catalogue: catalogue, motes: 5)
        return try Coordinator(
            folder: scratch.folder, store: store, providers: ["hetzner": provider], siting: siting, program: "/bin/true", time: time, tell: ear.hear)
    }

    private func pass(_ coordinator: Coordinator, _ times: Int) throws {
        for _ in 0..<times {
            time.advance(.seconds(Int64(1)))
            _ = try coordinator.step()
        }
    }

    @Test("A mote that the budget does not hold is not ordered, that is told once, and the motes that run go on")
    func hardStop() throws {
        let store = try Store(scratch.folder), provider = Rented(), ear = Ear(), euro = try #require(Currency(rawValue: "EUR"))
        try store.changeLimits { _ = $0.set(SpendingLimit(Amount("0.03")!, euro, per: .day, provider: "hetzner")) }
        let coordinator = try coordinator(provider, store, ear)
        try pass(coordinator, 20)
        #expect(provider.alive.count == 3 && provider.starts == 3)
        #expect(ear.troubles.count == 1 && ear.troubles.first?.contains("0.03 EUR a day with hetzner") == true, "\(ear.troubles)")
        #expect(try store.outlays().map(\.amount) == [Amount("0.03")])
        // Raised while the fleet runs.
        try store.changeLimits { _ = $0.set(SpendingLimit(Amount(1), euro, per: .day, provider: "hetzner")) }
        try pass(coordinator, 5)
        #expect(provider.alive.count == 5 && ear.troubles.count == 1)
    }

    @Test("Two coordinators that die in turn count what a mote moved and cost once")
    func restarts() throws {
        let provider = Rented(), ear = Ear()
        for _ in 0..<4 { try pass(try coordinator(provider, try Store(scratch.folder), ear), 12) }
        let store = try Store(scratch.folder), day = time.wall.day
        let total = try store.usage(days: day - 1...day, by: .provider, now: time.wall).total
        #expect(total.motes == 5 && total.relayedBytes == 5000 && provider.starts == 5)
        #expect(try store.outlays().map(\.amount) == [Amount("0.05")])
    }

    @Test("A mote whose address breaks a cap is ended before it is listed, and another takes its place")
    func misplaced() throws {
        // The first two share a network.
        let provider = Rented { $0 < 2 ? "198.51.100.\($0)" : "203.\($0).113.1" }, ear = Ear()
        let coordinator = try coordinator(provider, try Store(scratch.folder), caps: [.network16: Amount("0.2")!], ear)
        try pass(coordinator, 30)
        #expect(provider.starts == 6 && provider.alive.count == 5)
        let networks = provider.alive.values.map { address in address.split(separator: ".").prefix(2).joined(separator: ".") }
        #expect(Set(networks).count == 5)
    }
}
