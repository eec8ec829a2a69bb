import Testing

/// An owner's mailbox and ordinary mail programs.
@Suite("Mailboxes, whole")
struct MailboxInteropTests {
    @Test("imaplib, poplib, curl, fetchmail and IMAPClient read an owner's letters, across kill -9")
    func readers() async throws {
        try await Scenario("readers", script: "../Mail/readers.py").holds()
    }
}
