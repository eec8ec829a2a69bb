import Testing

@Suite("Exits")
struct ExitTests {
    @Test("an exit remembers names, lets nobody back into the network, and gives up being one when its name server lies")
    func duties() async throws {
        try await Scenario("duties", script: "exits.py").holds()
    }
}
