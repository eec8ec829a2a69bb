import Testing

@Suite("Footprint")
struct FootprintTests {
    @Test("a mote relays within one second of starting and idles under 30 MB of resident memory")
    func startAndIdle() async throws {
        try await Scenario("footprint", script: "hostile.py").holds()
    }
}
