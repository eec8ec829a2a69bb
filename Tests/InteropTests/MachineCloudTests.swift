import Testing

@Suite("Virtual machines")
struct MachineCloudTests {
    @Test("four motes as virtual machines carry 20 MB each way, are replaced twice, survive their coordinator, and leave no trace")
    func fourMachines() async throws {
        try await Scenario("vms", script: "../Fleet/vms.py", limitSeconds: 2400, slots: 2).holds()
    }
}
