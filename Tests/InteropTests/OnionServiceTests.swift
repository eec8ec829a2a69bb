import Testing

/// Stock tor's onion services and clients, with our relays in the roles between them.
@Suite("Onion services of stock tor")
struct OnionServiceTests {
    @Test("directory, introduction and rendezvous at nothing but our relays; the service asks for limits, restarts and is found again")
    func allOurs() async throws {
        try await Scenario("ours", script: "services.py").holds()
    }

    @Test("our relays are introduction point and rendezvous point among stock relays")
    func mixed() async throws {
        try await Scenario("mixed", script: "services.py").holds()
    }
}
