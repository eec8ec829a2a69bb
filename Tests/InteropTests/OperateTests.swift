import Testing

/// What an operator sees and touches, with the field's own programs.
@Suite("Operating a node")
struct OperateTests {
    @Test("stem and nyx, unmodified, look at our relay and our client and steer them")
    func control() async throws {
        try await Scenario("control").holds()
    }
}
