import Testing

/// A relay that is asked for more than it gives.
@Suite("Limits of a relay")
struct LimitsTests {
    @Test("floods of connections and circuits from one address are refused, and another address is served meanwhile")
    func floods() async throws {
        try await Scenario("floods", script: "limits.py").holds()
    }

    @Test("a stock client gets no more through our rate-limited middle than its rate says, and most of that")
    func rate() async throws {
        try await Scenario("rate", script: "limits.py").holds()
    }
}
