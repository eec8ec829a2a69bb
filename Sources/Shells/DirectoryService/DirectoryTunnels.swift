package import Ambience
internal import Loops
internal import Onion
package import Relaying
package import Sealing

/// HTTP exchanges over BEGIN_DIR streams on one-hop circuits, which are kept a while for the next exchange with the same source.
package final class DirectoryTunnels {
    package enum Failure: Error, Equatable {
        /// No link, no circuit, or it was closed before an answer came.
        case unreachable
        /// Nothing moved for too long.
        case stalled
        /// The answer was no HTTP response, or longer than we take.
        case broken
    }

    /// How an exchange goes on; each at most once, in this order.
    package enum Step { case connected, answering }

    package struct Settings: Sendable {
        /// Without any byte from the source.
        package var stallTimeout = Instant.Span.seconds(60)
        /// A circuit without streams is closed after this.
        package var idleTimeout = Instant.Span.seconds(30)
        /// A circuit of several hops takes new exchanges for so long.
        package var distantLife = Instant.Span.seconds(600)

        package init() {}
    }

    /// Circuits kept at most; at the bound an idle one makes room.
    static let tunnelLimit = 64

    private let router: OnionRouter
    private let settings: Settings
    private var tunnels: [DirectorySource: Tunnel] = [:]
    /// Circuits of several hops, by the relay at their end.
    private var distant: [RSAIdentity: Tunnel] = [:]

    package init(router: OnionRouter, settings: Settings = Settings()) {
        self.router = router
        self.settings = settings
    }

    /// Sends one request; `done` is called once, never before this returns.
    package func exchange(
        _ request: HTTPRequest, with source: DirectorySource, limits: HTTPLimits = .response, onStep: @escaping (Step) -> Void = { _ in },
        _ done: @escaping (Result<HTTPResponse, Failure>) -> Void
    ) {
        let exchange = DirectoryExchange(loop: router.loop, request: request, limits: limits, stallTimeout: settings.stallTimeout, onStep: onStep, done)
        tunnel(to: source).add(exchange)
    }

    /// Sends one request over a circuit of its own to the last relay of `path`; `done` as for `exchange(_:with:)`.
    package func exchange(_ request: HTTPRequest, along path: [HopTarget], _ done: @escaping (Result<HTTPResponse, Failure>) -> Void) {
        let exchange = DirectoryExchange(loop: router.loop, request: request, limits: .response, stallTimeout: settings.stallTimeout, onStep: { _ in }, done)
        let tunnel = Tunnel(router: router, path: path, idleTimeout: settings.idleTimeout)
        tunnel.add(exchange)
    }

    /// Sends one request to a relay over a circuit that ends there; `done` as for `exchange(_:with:)`. The circuit is kept for the next
    /// exchange with the same relay, but not beyond `distantLife`.
    /// - Parameters:
    ///   - path: asked for a path that ends at the relay if there is no such circuit; `nil` counts as unreachable.
    ///   - isFit: whether a circuit along this path is to take more; if not, it ends with what it has.
    package func exchange(
        _ request: HTTPRequest, at relay: RSAIdentity, by path: () -> [HopTarget]?, isFit: ([HopTarget]) -> Bool = { _ in true }, limits: HTTPLimits = .response,
        _ done: @escaping (Result<HTTPResponse, Failure>) -> Void
    ) {
        guard let tunnel = tunnel(at: relay, by: path, isFit) else { return router.loop.soon { done(.failure(.unreachable)) } }
        tunnel.add(DirectoryExchange(loop: router.loop, request: request, limits: limits, stallTimeout: settings.stallTimeout, onStep: { _ in }) { [weak self, weak tunnel] result in
            // Where nothing moves, a relay on the way may have gone without a word: the next exchange goes another way. Others on this one end by themselves.
            if case .failure(.stalled) = result, let self, let tunnel, distant[relay] === tunnel { distant[relay] = nil }
            done(result)
        })
    }

    private func tunnel(at relay: RSAIdentity, by path: () -> [HopTarget]?, _ isFit: ([HopTarget]) -> Bool) -> Tunnel? {
        if let tunnel = distant[relay], tunnel.isOpen, router.loop.now - tunnel.began < settings.distantLife, isFit(tunnel.path) { return tunnel }
        if let tunnel = distant.removeValue(forKey: relay), tunnel.isIdle { tunnel.close() }
        guard let path = path() else { return nil }
        distant = distant.filter(\.value.isOpen)
        let tunnel = Tunnel(router: router, path: path, idleTimeout: settings.idleTimeout)
        // At the bound a circuit serves one exchange.
        if distant.count < Self.tunnelLimit { distant[relay] = tunnel }
        return tunnel
    }

    /// Closes all circuits; exchanges under way fail.
    package func closeAll() {
        let open = Array(tunnels.values) + Array(distant.values)
        (tunnels, distant) = ([:], [:])
        for tunnel in open { tunnel.close() }
    }

    private func tunnel(to source: DirectorySource) -> Tunnel {
        if let tunnel = tunnels[source], tunnel.isOpen { return tunnel }
        if tunnels.count >= Self.tunnelLimit, let idle = tunnels.first(where: { $0.value.isIdle }) {
            tunnels[idle.key] = nil
            idle.value.close()
        }
        let tunnel = Tunnel(router: router, path: [source.hop], idleTimeout: settings.idleTimeout)
        tunnels[source] = tunnel
        return tunnel
    }
}

/// One circuit to one source, direct or not, and the exchanges that wait for it to be built.
private final class Tunnel {
    private let router: OnionRouter
    private let idleTimeout: Instant.Span
    private var circuit: OriginCircuit?
    let path: [HopTarget]
    let began: Instant
    private var waiting: [DirectoryExchange] = []
    private var running = 0
    private var idle: Timer?

    init(router: OnionRouter, path: [HopTarget], idleTimeout: Instant.Span) {
        self.router = router
        self.idleTimeout = idleTimeout
        self.path = path
        began = router.loop.now
        let circuit = router.buildCircuit(path)
        self.circuit = circuit
        // The router keeps the circuit, and the circuit keeps us, until it is closed.
        circuit.onEvent = { event in
            switch event {
            case .built: self.built()
            case .closed: self.closed()
            }
        }
    }

    var isOpen: Bool { circuit?.isOpen ?? false }
    var isIdle: Bool { running == 0 && waiting.isEmpty }

    func add(_ exchange: DirectoryExchange) {
        idle?.cancel()
        idle = nil
        guard circuit?.isBuilt == true else { return waiting.append(exchange) }
        run(exchange)
    }

    func close() {
        let open = circuit
        closed()
        open?.close()
    }

    private func built() {
        let ready = waiting
        waiting = []
        for exchange in ready { run(exchange) }
    }

    private func run(_ exchange: DirectoryExchange) {
        guard let circuit, !exchange.isOver else { return }
        running += 1
        exchange.begin(circuit.openStream(.directory)) { [weak self] in self?.finished() }
    }

    private func finished() {
        running -= 1
        guard isIdle, isOpen else { return }
        idle = router.loop.after(idleTimeout) { [weak self] in self?.close() }
    }

    private func closed() {
        circuit?.onEvent = nil
        circuit = nil
        idle?.cancel()
        idle = nil
        let lost = waiting
        waiting = []
        for exchange in lost { exchange.fail(.unreachable) }
    }
}
