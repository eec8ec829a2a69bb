import Ambience
import Audit
import Coordination
import Foundation
import FreePorts
import Leasing
import Providers
import Testing

/// A provider that checks at every effect what is durable by then, and keeps its motes in memory.
private final class Witness: MoteProvider {
    let store: Store
    var alive: [MoteKey: Int32] = [:]
    var starts: [MoteKey: Int] = [:]
    var isBroken = false
    var complaints: [String] = []

    init(_ store: Store) { self.store = store }

    private func recorded(_ key: MoteKey) -> String? { try? store.ledger().records[key]?.state.name }

    private func expect(_ states: [String], _ key: MoteKey, _ effect: String) {
        let state = recorded(key)
        if !states.contains(state ?? "nothing") { complaints.append("\(effect) while \(state ?? "nothing") was recorded") }
    }

    func observe() -> [MoteKey: Sighting] {
        alive.mapValues { Sighting(instances: [String($0)], hasFolder: true, report: MoteReport(bootstrapped: 100)) }
    }

    func start(_ lease: Lease, attempt: Int) throws(ProviderError) {
        expect(["starting"], lease.key, "start")
        starts[lease.key, default: 0] += 1
        if isBroken { throw ProviderError("nothing starts today") }
        if alive[lease.key] != nil { complaints.append("started twice") }
        alive[lease.key] = Int32(1000 + alive.count)
    }

    func drain(_ key: MoteKey) { expect(["draining"], key, "drain") }

    func stop(_ key: MoteKey) {
        expect(["terminating"], key, "stop")
        alive[key] = nil
    }

    func kill(_ key: MoteKey) { alive[key] = nil }
    func erase(_ key: MoteKey) {}
}

@Suite struct CoordinatorTests {
    private let scratch = Scratch()
    private let time = ManualTime(wall: WallTime(secondsSinceEpoch: 1_800_000_000))

    private func coordinator(_ witness: Witness, _ store: Store, hear: @escaping (News) -> Void = { _ in }) throws -> Coordinator {
        let port = try #require(FreePorts.next())
        let network = NetworkPlan(
            authorityORPort: 1, authorityDirPort: port, authorityIdentity: "A", authorityFingerprint: "B", votingIntervalSeconds: 10,
            isExitToPrivateAllowed: false, socks: "127.0.0.1:1", streamLifeSeconds: 60)
        if try store.settings() == nil { try store.save(CloudSettings(mode: .up, policy: .standard, network: network)) }
        return try Coordinator(folder: scratch.folder, store: store, providers: ["local": witness], program: "/bin/true", time: time, tell: hear)
    }

    private func pass(_ coordinator: Coordinator, _ times: Int = 1) throws -> Bool {
        for _ in 0..<times {
            time.advance(.seconds(Int64(1)))
            guard try coordinator.step() else { return false }
        }
        return true
    }

    @Test("Every step is durable before anything is done about it, from the first start to the last end")
    func durableFirst() throws {
        let store = try Store(scratch.folder)
        let witness = Witness(try Store(scratch.folder))
        let coordinator = try coordinator(witness, store)
        #expect(try pass(coordinator, 4))
        #expect(witness.alive.count == 5)
        #expect(try store.setMode(.down))
        while try pass(coordinator) {}
        #expect(witness.alive.isEmpty)
        #expect(witness.complaints.isEmpty, "\(witness.complaints)")
        #expect(try store.settings() == nil)
    }

    @Test("A new coordinator goes on where the old one was: it starts nothing that runs and knows every mote")
    func adoption() throws {
        let store = try Store(scratch.folder)
        let witness = Witness(store)
        #expect(try pass(try coordinator(witness, store), 4))
        let before = witness.starts
        let second = try coordinator(witness, try Store(scratch.folder))
        #expect(try pass(second, 5))
        #expect(witness.starts == before)
        #expect(Set(second.ledger.alive.map(\.key)) == Set(witness.alive.keys))
    }

    @Test("A provider that can start nothing is tried a bounded number of times, told about, and works again when it can")
    func brokenProvider() throws {
        let store = try Store(scratch.folder)
        let witness = Witness(store)
        witness.isBroken = true
        var troubles = 0
        let coordinator = try coordinator(witness, store) { if case .trouble = $0 { troubles += 1 } }
        #expect(try pass(coordinator, 120))
        #expect(troubles > 0)
        #expect(witness.starts.values.allSatisfy { $0 <= FleetPolicy.standard.attemptsLimit })
        #expect(witness.starts.values.reduce(0, +) <= 2 * FleetPolicy.standard.startsPerMinute)
        witness.isBroken = false
        #expect(try pass(coordinator, 65))
        #expect(witness.alive.count >= 5)
    }

    @Test("A wish is forgotten once it is fulfilled, and the mote is replaced")
    func wishes() throws {
        let store = try Store(scratch.folder)
        let witness = Witness(store)
        let coordinator = try coordinator(witness, store)
        #expect(try pass(coordinator, 4))
        let key = try #require(coordinator.ledger.alive.first?.key)
        try store.wish(.terminate, for: key)
        #expect(try pass(coordinator, 6))
        #expect(coordinator.ledger.records[key]?.state.isGone == true)
        #expect(try store.wishes().isEmpty)
        #expect(witness.alive.count == 5)
    }

    @Test("A kill switch ends everything at once, keeps it ended over a restart, and lets motes come again when it is lifted", arguments: [
        HaltScope.all, .policy(FleetPolicy.standard.name),
    ])
    func killSwitch(_ scope: HaltScope) throws {
        let store = try Store(scratch.folder), witness = Witness(try Store(scratch.folder))
        var running = try coordinator(witness, store)
        _ = try pass(running, 4)
        try store.halt(scope, at: time.wall)
        _ = try pass(running, 2)
        #expect(witness.alive.isEmpty)
        running = try coordinator(witness, store)
        _ = try pass(running, 20)
        #expect(witness.alive.isEmpty && running.ledger.alive.isEmpty)
        try store.lift(scope)
        _ = try pass(running, 4)
        #expect(!witness.alive.isEmpty)
        #expect(witness.complaints.isEmpty, "\(witness.complaints)")
    }

    @Test("A stop of another policy stops nothing")
    func otherPolicy() throws {
        let store = try Store(scratch.folder), witness = Witness(try Store(scratch.folder))
        try store.halt(.policy("another"), at: time.wall)
        _ = try pass(try coordinator(witness, store), 4)
        #expect(witness.alive.count == 5)
    }

    @Test("Every recorded step is in the audit, in order and once, also what a crash kept out of it")
    func audited() throws {
        let store = try Store(scratch.folder), witness = Witness(try Store(scratch.folder))
        _ = try pass(try coordinator(witness, store), 4)
        let whole = try Files.read(scratch.folder.audit)
        // As if the last lines had not been written when the power went.
        let keep = try #require(whole.split(separator: 0x0A).dropLast(3).map { $0.count + 1 }.reduce(0, +) as Int?)
        try Files.replace(scratch.folder.audit, with: Array(whole[..<(keep + 20)]))
        _ = try pass(try coordinator(witness, store), 2)
        let lines = try AuditChain.verify(try Files.read(scratch.folder.audit))
        #expect(lines.compactMap { $0["step"].flatMap { Int64($0) } } == (try store.events(after: 0)).map(\.number))
        #expect(lines.count > 10)
    }

    @Test("An audit that was tampered with stops the coordinator before it does anything")
    func tamperedAudit() throws {
        let store = try Store(scratch.folder), witness = Witness(try Store(scratch.folder))
        _ = try pass(try coordinator(witness, store), 4)
        var log = try Files.read(scratch.folder.audit)
        log[80] ^= 1
        try Files.replace(scratch.folder.audit, with: log)
        #expect { try coordinator(witness, store) } throws: { "\($0)".contains("dustcloud audit verify") }
    }

    @Test("Descriptors are kept once each, and read again as they were, even if a crash cut the last one short")
    func descriptorHistory() throws {
        let key = MoteKey(high: 1, low: 2), path = scratch.folder.history
        func text(_ name: String, _ line: String) -> String { "router \(name) 127.0.0.1 1 0 0\n\(line)\n-----END SIGNATURE-----\n" }
        var history = DescriptorHistory(path)
        for line in ["a", "a", "b"] { try history.keep("@x\n" + text("other", "z") + text(key.nickname, line), of: [key.nickname: key], now: time.wall) }
        history = DescriptorHistory(path)
        try history.keep(text(key.nickname, "b"), of: [key.nickname: key], now: time.wall)
        try Files.append("\(path)/\(key).descriptors", Array("@fetched now\nrouter cut".utf8))
        #expect(try DescriptorHistory.read(path, key).map(\.text) == [text(key.nickname, "a"), text(key.nickname, "b")])
    }
}
