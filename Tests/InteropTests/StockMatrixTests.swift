import Testing

/// Who plays which part: stock tor or our mote. Every cell moves 5 MiB each way and compares digests, then reads every
/// stock log for protocol warnings (`ProtocolWarnings 1`).
@Suite("Among stock tor nodes")
struct StockMatrixTests {
    @Test("the harness itself finds nothing wrong with a network that is all stock")
    func allStock() async throws {
        try await Scenario("stock").holds()
    }

    @Test("a stock client moves data through our relay as guard", arguments: Scenario.rounds)
    func guardPosition(round: Int) async throws {
        try await Scenario("guard").holds()
    }

    @Test("a stock client moves data through our relay as middle", arguments: Scenario.rounds)
    func middlePosition(round: Int) async throws {
        try await Scenario("middle").holds()
    }

    @Test("a stock client moves data through our relay as exit, names resolved there", arguments: Scenario.rounds)
    func exitPosition(round: Int) async throws {
        try await Scenario("exit").holds()
    }

    @Test("a stock client lives on our authority and only our relays", arguments: Scenario.rounds)
    func authorityAndRelays(round: Int) async throws {
        try await Scenario("our_authority_and_relays").holds()
    }

    @Test("stock relays and a stock client live on our authority", arguments: Scenario.rounds)
    func authority(round: Int) async throws {
        try await Scenario("our_authority").holds()
    }

    @Test("our client moves data through stock relays and a stock authority", arguments: Scenario.rounds)
    func client(round: Int) async throws {
        try await Scenario("our_client").holds()
    }

    @Test("our client moves data through our relays and our authority", arguments: Scenario.rounds)
    func allOurs(round: Int) async throws {
        try await Scenario("ours").holds()
    }
}
