import Testing

/// Counter Galois Onion and ntor v3 with stock tor as every neighbour there can be.
@Suite("Counter Galois Onion among stock tor nodes")
struct CounterGaloisInteropTests {
    @Test("is used by stock clients with our exit, and by our client with a stock exit and with ours")
    func used() async throws {
        try await Scenario("cgo").holds()
    }

    @Test("gives way to tor1 when the consensus has no congestion control")
    func withoutControl() async throws {
        try await Scenario("cgo_without_control").holds()
    }
}
