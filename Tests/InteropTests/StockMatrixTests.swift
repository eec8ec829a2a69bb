import Testing

/// Who plays which part: stock tor or our mote. Every cell moves 5 MiB each way and compares digests, then reads every
/// stock log for protocol warnings (`ProtocolWarnings 1`).
@Suite("Among stock tor nodes")
struct StockMatrixTests {
    /// What is ours; the name is that of the scenario.
    enum Part: String, CaseIterable, CustomTestStringConvertible {
        case authority = "our_authority"
        case client = "our_client"
        case everything = "ours"

        var testDescription: String {
            switch self {
            case .authority: "the authority, with stock relays, a stock client and ours"
            case .client: "the client, with stock relays and a stock authority"
            case .everything: "the authority and all relays, with a stock client and ours"
            }
        }
    }

    @Test("the harness itself finds nothing wrong with a network that is all stock")
    func allStock() async throws {
        try await Scenario("stock").holds()
    }

    @Test("a stock client moves data over every path of three that our relays and stock's can make", arguments: Scenario.rounds)
    func positions(round: Int) async throws {
        try await Scenario("positions", script: "matrix.py").holds()
    }

    @Test("data moves when a part of the network is ours", arguments: Part.allCases, Scenario.rounds)
    func mixture(part: Part, round: Int) async throws {
        try await Scenario(part.rawValue).holds()
    }
}
