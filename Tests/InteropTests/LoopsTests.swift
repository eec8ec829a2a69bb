import Testing

@Suite("Several loops")
struct LoopsTests {
    @Test("stock clients through relays of ours with two loops each, also when one of them is killed")
    func twoLoops() async throws {
        try await Scenario("two_loops", script: "loops.py").holds()
    }
}
