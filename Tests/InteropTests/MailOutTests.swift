import Testing

/// Letters leave to mail servers of others.
@Suite("The way out for letters")
struct MailOutTests {
    @Test("leads to the right servers only: by MX, DANE, policies, onion services and a proxy, and back to the sender where there is no way")
    func routes() async throws {
        try await Scenario("routes", script: "../Mail/out.py").holds()
    }

    @Test("leads to Postfix, past smtp-sink's misbehaviours and through aiosmtpd as a relay")
    func peers() async throws {
        try await Scenario("peers", script: "../Mail/out.py").holds()
    }

    @Test("leads to onion services of a stock tor")
    func onion() async throws {
        try await Scenario("deliver", script: "../Mail/onion.py").holds()
    }

    @Test("loses no letter, and doubles none but by lost last answers, however often the process is killed", arguments: Scenario.rounds)
    func kills(round: Int) async throws {
        try await Scenario("kills", script: "../Mail/out.py").holds()
    }
}
