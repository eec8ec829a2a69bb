import Testing

/// Circuits that a stock client links at our exit.
@Suite("Conflux with stock clients")
struct ConfluxInteropTests {
    @Test("moves 20 MiB each way over two circuits")
    func transfers() async throws {
        try await Scenario("conflux").holds()
    }

    @Test("ends with a guard that vanishes as it does at a stock exit")
    func loss() async throws {
        try await Scenario("conflux_loss").holds()
    }
}
