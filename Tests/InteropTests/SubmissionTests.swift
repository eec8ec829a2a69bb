import Testing

/// Letters handed in by unmodified mail programs, and what becomes of them when the service is killed or fed nonsense.
@Suite("Mail, handed in")
struct SubmissionInteropTests {
    @Test("smtplib, curl, swaks, msmtp and smtp-source hand letters in, up to 20 MB, and nothing in them tells who wrote them with what")
    func peers() async throws {
        try await Scenario("peers", script: "../Mail/submission.py").holds()
    }

    @Test("killed at random instants, the service has every letter that it acknowledged, and each once")
    func kills() async throws {
        try await Scenario("kills", script: "../Mail/submission.py").holds()
    }

    @Test("endless lines, smuggled letters and hundreds of sessions get their codes, within bounded memory")
    func hostile() async throws {
        try await Scenario("hostile", script: "../Mail/submission.py").holds()
    }
}
