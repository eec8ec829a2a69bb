import Testing

/// Our directory authority among stock authorities, and across crashes.
@Suite("Directory authorities")
struct AuthorityTests {
    @Test("two stock authorities and ours sign the same bytes, in both flavours")
    func agreement() async throws {
        try await Scenario("agreement", script: "authorities.py").holds()
    }

    @Test("two stock authorities and ours make a shared random value together", .enabled(if: Scenario.isSoak))
    func sharedRandom() async throws {
        try await Scenario("shared_random", script: "authorities.py", limitSeconds: 960).holds()
    }

    @Test("an authority killed at random moments keeps all that it acknowledged and goes on publishing")
    func crash() async throws {
        try await Scenario("crash", script: "authorities.py").holds()
    }
}
