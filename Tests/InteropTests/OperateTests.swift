import Testing

/// What an operator sees and touches, with the field's own programs.
@Suite("Operating a node")
struct OperateTests {
    @Test("stem and nyx, unmodified, look at our relay and our client and steer them")
    func control() async throws {
        try await Scenario("control").holds()
    }

    @Test("controllers are told of links, documents, lookups and bandwidth in stock's words, at a relay and at a client of ours")
    func events() async throws {
        try await Scenario("events").holds()
    }

    @Test("sandboxed motes move data, tell metrics by stock's names, take signals and run as daemons")
    func sandboxed() async throws {
        try await Scenario("sandboxed").holds()
    }

    @Test("motes publish once stock relays have reached them, tell of IPv6 only where they were reached, and measure what they can carry")
    func selfTests() async throws {
        try await Scenario("self_tests", script: "selftests.py").holds()
    }
}
