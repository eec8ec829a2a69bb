import Testing

@Suite("The mote image")
struct MachineTests {
    @Test("boots by software emulation, relays, runs nothing else, and is off at its expiry")
    func boots() async throws {
        try await Scenario("boots", script: "machines.py", slots: 2).holds()
    }

    @Test("says on its console why it does not start, and powers off")
    func refuses() async throws {
        try await Scenario("refuses", script: "machines.py").holds()
    }

    @Test("is the same to the bit when it is made in two places, holds one program, and is within its budget")
    func reproducible() async throws {
        try await Scenario("reproducible", script: "machines.py").holds()
    }
}
