package import Ambience
package import Exchange
internal import MarketLine
package import Sealing
internal import Synchronization

/// A witness without disk or prober, on a port of its own.
package final class TestWitness: Sendable {
    package static let here = SocketAddress(ip: IPAddress("127.0.0.1")!, port: 0)

    package let key = Ed25519Key()
    private let now: @Sendable () -> Int64
    private let desk = Mutex<WitnessDesk?>(nil)
    private let listener = Mutex<MarketListener?>(nil)

    package init(now: @escaping @Sendable () -> Int64 = { SystemTime().wall.secondsSinceEpoch }) throws {
        self.now = now
        let own = try MarketListener(Self.here) { [self] in answer($0) }
        listener.withLock { $0 = own }
    }

    package var address: SocketAddress { listener.withLock { $0!.address } }

    /// A chain for the slices to come; the exchange is still to be told.
    package func begin(_ terms: MarketTerms) throws -> BeaconChain {
        let first = terms.time.slice(at: now()) + 1, secret = ChainSecret(seed: .random(32), length: 2000)!
        guard let own = WitnessDesk(terms, key: key, chains: [(first, secret)], state: .init()) else { throw Late("the terms do not name the witness") }
        desk.withLock { $0 = own }
        return own.chain
    }

    private func answer(_ request: MarketRequest) -> MarketResponse {
        let now = now()
        return desk.withLock { desk in
            let answer = switch request.path {
            case .addCheckpoint: desk?.addCheckpoint(request.body, at: now)
            case .reveal: desk?.reveal(request.body, at: now)
            default: nil as WitnessDesk.Answer?
            }
            guard let answer else { return .notFound }
            return MarketResponse(answer.status, answer.isSize ? .treeSize : .bytes, answer.body)
        }
    }

    package func stop() { listener.withLock { $0?.stop() } }
}
