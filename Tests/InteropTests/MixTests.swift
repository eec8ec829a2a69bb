import Testing

/// Letters through motes as real programs make and get them.
@Suite("The mix, whole")
struct MixInteropTests {
    @Test("letters go through three motes each, one of them killed, and arrive once, unchanged, with headers that tell nobody")
    func mail() async throws {
        try await Scenario("mail", script: "../Mail/mix.py").holds()
    }
}
