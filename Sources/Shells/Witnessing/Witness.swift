package import Ambience
package import Exchange
internal import MarketLine
internal import Sealing
internal import Synchronization

/// A witness of an exchange: cosigns its log, reveals values for its beacons, and probes its motes.
///
/// 1. A question comes over the line; what follows from it is written down, and only then said.
/// 2. Meanwhile the prober looks at each listed mote once a slice, and tells the exchange what it found.
package final class Witness {
    package struct Settings: Sendable {
        package var listen: SocketAddress
        /// The node program, which probes.
        package var mote: String
        /// How the exchange is reached: straight, or through a client.
        package var socks: SocketAddress?

        package init(listen: SocketAddress, mote: String, socks: SocketAddress? = nil) { (self.listen, self.mote, self.socks) = (listen, mote, socks) }
    }

    package enum Failure: Error, CustomStringConvertible {
        case notAWitness(folder: String)
        case address(String)

        package var description: String {
            switch self {
            case .notAWitness(let folder): "the terms name no witness with the key in \(folder); give 'dustcloud market witness key' to whoever runs the exchange before its first start"
            case .address(let address): "the exchange's address \(address) cannot be asked"
            }
        }
    }

    private let counter: WitnessCounter
    private let listener: MarketListener
    private let prober: ProberThread
    package let name: String
    package var address: SocketAddress { listener.address }

    /// - Parameter onEvent: lines for people, from any thread.
    package init(_ folder: WitnessFolder, _ terms: MarketTerms, _ settings: Settings, _ onEvent: @escaping @Sendable (String) -> Void) throws {
        let time = SystemTime()
        let chains = try folder.chains(at: terms.time.slice(at: time.wall.secondsSinceEpoch))
        guard let desk = WitnessDesk(terms, key: try folder.key(), chains: chains, state: try folder.state()) else { throw Failure.notAWitness(folder: folder.path) }
        guard let client = MarketClient(terms.address, settings.socks.map { .socks($0) } ?? .direct, limitMilliseconds: 20_000) else { throw Failure.address(terms.address) }
        let counter = WitnessCounter(desk, folder, onEvent)
        (self.counter, name) = (counter, desk.name)
        listener = try MarketListener(settings.listen) { counter.answer($0) }
        prober = ProberThread(terms, desk, try folder.prober(), client, program: settings.mote, onEvent)
    }

    /// Once. Probes under way are ended.
    package func stop() {
        listener.stop()
        prober.stop()
    }
}

/// Where questions are answered, one after another.
final class WitnessCounter: Sendable {
    // SAFETY: the folder is used with the lock held.
    private struct Inside: @unchecked Sendable {
        var desk: WitnessDesk
        let folder: WitnessFolder
    }

    private let inside: Mutex<Inside>
    private let onEvent: @Sendable (String) -> Void

    init(_ desk: WitnessDesk, _ folder: WitnessFolder, _ onEvent: @escaping @Sendable (String) -> Void) {
        inside = Mutex(Inside(desk: desk, folder: folder))
        self.onEvent = onEvent
    }

    func answer(_ request: MarketRequest) -> MarketResponse {
        let now = SystemTime().wall.secondsSinceEpoch
        switch request.path {
        case .addCheckpoint: return keeping("checkpoint") { $0.addCheckpoint(request.body, at: now) }
        case .reveal: return keeping("call for a value") { $0.reveal(request.body, at: now) }
        case .revealed(let slice): return Self.response(inside.withLock { $0.desk.revealed(slice) })
        default: return .notFound
        }
    }

    /// Nothing is said that is not durable.
    private func keeping(_ what: String, _ body: (inout WitnessDesk) -> WitnessDesk.Answer) -> MarketResponse {
        inside.withLock { inside in
            var next = inside.desk
            let answer = body(&next)
            if answer.isNews {
                do { try inside.folder.keep(next.state) } catch {
                    onEvent("cannot write down what is to be signed, so it is not: \(error)")
                    return .busy
                }
            }
            inside.desk = next
            if answer.status == 422 || answer.status == 409 && !answer.isSize { onEvent("refused a \(what) that contradicts an earlier one: the exchange may show different people different things") }
            return Self.response(answer)
        }
    }

    private static func response(_ answer: WitnessDesk.Answer) -> MarketResponse { MarketResponse(answer.status, answer.isSize ? .treeSize : .bytes, answer.body) }
}
