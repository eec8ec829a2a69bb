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
}
