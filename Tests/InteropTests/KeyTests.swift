import Testing

@Suite("Keys of relays")
struct KeyTests {
    @Test("a relay without its master key is listed, and stock's microdescriptors say which family its key proves")
    func offlineFamily() async throws {
        try await Scenario("offline_family", script: "keys.py").holds()
    }
}
