import Testing

@Suite("Footprint")
struct FootprintTests {
    @Test("a mote works for less than half a second until it relays, and idles under 30 MB of resident memory")
    func startAndIdle() async throws {
        try await Scenario("footprint", script: "hostile.py").holds()
    }
}
