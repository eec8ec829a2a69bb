import Testing

/// What the positions of `StockMatrixTests` leave out: other addresses, other flow control, and what happens when somebody goes away.
@Suite("The rest of the matrix")
struct MatrixTests {
    @Test("a relay of ours is guard, extends and exits over IPv6")
    func ipv6() async throws {
        try await Scenario("ipv6", script: "matrix.py").holds()
    }

    @Test("stock peers that speak no link protocol above 4 dial us and are dialled", .enabled(if: Scenario.isSoak))
    func link4() async throws {
        try await Scenario("link4", script: "matrix.py").holds()
    }

    @Test("a relay of ours is killed under a running download, in each position: a stock client and ours go on over another, and it comes back")
    func killed() async throws {
        try await Scenario("killed", script: "matrix.py").holds()
    }

    @Test("without congestion control data moves by SENDME windows", .enabled(if: Scenario.isSoak))
    func fixedWindows() async throws {
        try await Scenario("fixed_windows", script: "matrix.py").holds()
    }

    @Test("a relay restarts with its stored keys and rotates its onion keys under a running stream", .enabled(if: Scenario.isSoak))
    func rotation() async throws {
        try await Scenario("rotation", script: "matrix.py").holds()
    }

    @Test("relays and clients of ours outlive the loss of a stock authority", .enabled(if: Scenario.isSoak))
    func authorityKilled() async throws {
        try await Scenario("authority_killed", script: "matrix.py").holds()
    }
}
