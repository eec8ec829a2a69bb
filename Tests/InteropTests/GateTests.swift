import Testing

/// Motes that are sold on the exchange, among stock nodes.
@Suite("Gates among stock nodes")
struct GateInteropTests {
    @Test("a stock client has a little for nothing at a mote that is sold, its owner all, stock nodes notice nothing, and probes tell who is up")
    func sold() async throws {
        try await Scenario("sold", script: "market.py").holds()
    }

    @Test("a token opens a mote once, in one TLS session and over kill -9, and leaves the evidence for a deposit")
    func bought() async throws {
        try await Scenario("bought", script: "market.py").holds()
    }
}
