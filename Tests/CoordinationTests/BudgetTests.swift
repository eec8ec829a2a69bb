import Ambience
import CloudCalls
@testable import Coordination
import Foundation
import Leasing
import Placement
import Prices
import Providers
import Testing

@Suite struct BudgetTests {
    private let scratch = Scratch()
    private let now = WallTime(secondsSinceEpoch: 1_800_000_000)

    private func cloud(_ budget: String) throws -> Store {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Policies").path
        let (policy, catalogue) = try PolicyFile.placement(path + "/placement/spread.json")
        let network = NetworkPlan(
            authorityORPort: 1, authorityDirPort: 2, authorityIdentity: "A", authorityFingerprint: "B", votingIntervalSeconds: 10, isExitToPrivateAllowed: false,
            socks: "127.0.0.1:1", streamLifeSeconds: 60)
        let plan = CloudsPlan(
            fleet: "test", placement: policy, catalogue: catalogue, budget: [try #require(Currency(rawValue: "USD")): try #require(Amount(budget))], address: "192.0.2.1")
        let store = try Store(scratch.folder)
        try store.save(CloudSettings(mode: .up, policy: .standard, network: network, clouds: plan))
        return store
    }

    private func intend(_ key: UInt64, _ ceiling: String, _ store: Store, _ ledger: inout Ledger, in currency: String = "USD") throws {
        let money = Money(try #require(Amount(ceiling)), try #require(Currency(rawValue: currency)))
        let lease = Lease(
            key: MoteKey(high: 0, low: key), lifetimeClass: .normal, intended: now, expires: now + 600, drainSeconds: 60, site: Site(provider: "ec2"), ceiling: money)
        try step(.intended(lease), lease.key, store, &ledger)
    }

    private func step(_ change: MoteChange, _ key: MoteKey, _ store: Store, _ ledger: inout Ledger) throws {
        var next = ledger
        let event = MoteEvent(key: key, at: now, change: change)
        try store.record(event, try next.apply(event))
        ledger = next
    }

    @Test("An intent that the budget does not hold is not recorded, to the billionth, and says what is left and how to have more")
    func refuses() throws {
        let store = try cloud("0.10")
        var ledger = Ledger()
        try intend(1, "0.06", store, &ledger)
        #expect { try intend(2, "0.040000001", store, &ledger) } throws: { "\($0)".contains("0.06 USD are spent or promised") && "\($0)".contains("--budget") }
        #expect(throws: CoordinationError.self) { try intend(3, "0.01", store, &ledger, in: "EUR") }
        try intend(4, "0.04", store, &ledger)
        #expect(throws: CoordinationError.self) { try intend(5, "0.000000001", store, &ledger) }
        #expect(try store.ledger().alive.map(\.key.low).sorted() == [1, 4] && store.events().count == 2)
    }

    @Test("What was never asked for costs nothing; what was, costs its ceiling for ever, also once its record is forgotten")
    func keeps() throws {
        let store = try cloud("0.10")
        var ledger = Ledger()
        try intend(1, "0.10", store, &ledger)
        try step(.gone(.wish), MoteKey(high: 0, low: 1), store, &ledger)
        try intend(2, "0.10", store, &ledger)
        try step(.starting(attempt: 1), MoteKey(high: 0, low: 2), store, &ledger)
        try step(.gone(.expiry), MoteKey(high: 0, low: 2), store, &ledger)
        #expect(throws: CoordinationError.self) { try intend(3, "0.01", store, &ledger) }
        let old = ledger.forget(before: now + 86_400)
        try store.forget(old, spent: ledger.spent, now: now + 86_400)
        #expect(throws: CoordinationError.self) { try intend(4, "0.01", store, &ledger) }
    }

    @Test("Of two writers who have seen the same budget only one has the rest of it")
    func races() throws {
        let first = try cloud("0.10"), second = try Store(scratch.folder)
        var one = Ledger(), other = Ledger()
        try intend(1, "0.06", first, &one)
        #expect(throws: CoordinationError.self) { try intend(2, "0.06", second, &other) }
    }

    @Test("An order is on record with all that is known of it, for each account, until it is removed; and with the cloud all of them go")
    func rentals() throws {
        let store = try cloud("1")
        let order = MachineOrder(fleet: "test", key: MoteKey(high: 1, low: 2), place: "fsn1", size: "cx23", image: "debian-12", expires: now + 600, userData: "hello")
        var rental = Rental(order)
        try store.save(rental, account: "hetzner")
        let isTime = rental.asking(now: now)
        #expect(isTime)
        try store.save(rental, account: "hetzner")
        #expect(try Store(scratch.folder).rentals(account: "hetzner") == [rental])
        #expect(try store.rentals(account: "ec2").isEmpty)
        try store.remove(rental)
        #expect(try store.rentals(account: "hetzner").isEmpty)
        try store.save(rental, account: "hetzner")
        try store.clearCloud()
        #expect(try store.rentals(account: "hetzner").isEmpty)
    }
}
