import Testing

/// An owner's mailbox and ordinary mail programs.
@Suite("Mailboxes, whole")
struct MailboxInteropTests {
    @Test("imaplib, poplib, curl, fetchmail and IMAPClient read an owner's letters, across kill -9")
    func readers() async throws {
        try await Scenario("readers", script: "../Mail/readers.py").holds()
    }

    @Test("two owners write to each other through motes that nobody told them of, while one mote is killed and one leaves")
    func boxes() async throws {
        try await Scenario("boxes", script: "../Mail/boxes.py").holds()
    }

    @Test("in a cloud of dustcloud up a letter outlives two of the motes that kept it", .enabled(if: Scenario.isSoak))
    func cloud() async throws {
        try await Scenario("cloud", script: "../Mail/boxes.py").holds()
    }
}
