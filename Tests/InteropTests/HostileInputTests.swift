import Testing

/// Malformed input against a running mote: never a crash, always the protocol's or the contract's answer.
@Suite("Hostile input")
struct HostileInputTests {
    @Test("malformed cells over TLS are answered as the protocol says")
    func cells() async throws {
        try await Scenario("cells", script: "hostile.py").holds()
    }

    @Test("with more callers than descriptors a relay neither spins nor dies, and goes on when some have gone")
    func descriptors() async throws {
        try await Scenario("descriptors", script: "hostile.py").holds()
    }

    @Test("garbage at the SOCKS port is refused and the client lives on")
    func socks() async throws {
        try await Scenario("socks", script: "hostile.py").holds()
    }

    @Test("garbage at the DirPort is refused and the authority lives on")
    func directory() async throws {
        try await Scenario("directory", script: "hostile.py").holds()
    }

    @Test("each line of the torrc corpus is accepted, or refused naming file, line and option")
    func torrc() async throws {
        try await Scenario("torrc", script: "hostile.py").holds()
    }
}
