import Testing

@Suite("Advertised expiry")
struct ExpiryTests {
    @Test("our consensus carries a mote's expiry, a stock client is undisturbed, and the mote ends by its own timer")
    func expiryIsAdvertisedAndKept() async throws {
        try await Scenario("expiry").holds()
    }
}
