import Testing

/// The exchange as real programs make it, and what its insiders find out.
@Suite("The market, whole")
struct MarketInteropTests {
    @Test("whoever looks for links in an exchange's database finds those that there are, and no others")
    func selftest() async throws {
        try await Scenario("selftest", script: "../Market/selftest.py").holds()
    }
}
