import Testing

@Suite("Bridges")
struct BridgeTests {
    @Test("a stock client reaches the network through obfs4proxy and our bridge, which only the bridge authority is told of")
    func obfs4() async throws {
        try await Scenario("obfs4", script: "bridges.py").holds()
    }

    @Test("a stock client reaches the network through our bridge without a transport")
    func plain() async throws {
        try await Scenario("plain", script: "bridges.py").holds()
    }
}
