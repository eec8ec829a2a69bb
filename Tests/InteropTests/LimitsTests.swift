import Testing

/// A relay that is asked for more than it gives.
@Suite("Limits of a relay")
struct LimitsTests {
    @Test("floods of connections and circuits from one address are refused, and another address is served meanwhile")
    func floods() async throws {
        try await Scenario("floods", script: "limits.py").holds()
    }

    @Test("a relay with a quota of bytes is used, keeps its counts over kill -9, hibernates as stock does, and wakes in the next interval")
    func hibernation() async throws {
        try await Scenario("hibernation", script: "accounting.py").holds()
    }

    @Test("stock clients get no more through our rate-limited middle than its rate says, and as much as through stock's beside it")
    func rate() async throws {
        try await Scenario("rate", script: "limits.py").holds()
    }
}
