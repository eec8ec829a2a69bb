import Testing

/// The exchange as real programs make it, and what its insiders find out.
@Suite("The market, whole")
struct MarketInteropTests {
    @Test("whoever looks for links in an exchange's database finds those that there are, and no others")
    func selftest() async throws {
        try await Scenario("selftest", script: "../Market/selftest.py").holds()
    }

    @Test("curl and stock tor reach an exchange as an onion service and, after kill -9, through an exit, and it tells nobody who asked")
    func reach() async throws {
        try await Scenario("onion", script: "../Market/reach.py").holds()
    }

    @Test("an exchange's log, its proofs and its witnesses are as C2SP's texts have them, by Python's hand, and a stranger's witness can cosign it")
    func log() async throws {
        try await Scenario("log", script: "../Market/c2sp.py").holds()
    }

    @Test("three owners swap and use each other's motes over several slices, the exchange and a mote killed meanwhile, are paid and refunded, and its database links nobody")
    func owners() async throws {
        try await Scenario("owners", script: "../Market/owners.py", slots: Slots.all).holds()
    }

    @Test("with guests their motes deposit whole bundles besides", .enabled(if: Scenario.isSoak))
    func crowd() async throws {
        try await Scenario("crowd", script: "../Market/owners.py", slots: Slots.all).holds()
    }
}
