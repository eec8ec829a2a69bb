internal import Loops
package import OnionServices
internal import Sealing
internal import Synchronization

/// Where on this relay services wait for introductions, and clients for their service. One for all loops of the relay.
///
/// It is asked once per message that begins an introduction or a rendezvous, never per cell.
package final class ServicePoints: Sendable {
    /// Clients that wait at once; at the bound a further one is told that we have no room.
    package static let waitingClientsLimit = 16_384
    /// Services that wait at once; likewise.
    package static let servicesLimit = 16_384

    private struct Tables {
        var services: [Ed25519Identity: ServicePlace] = [:]
        var clients: [RendezvousCookie: ServicePlace] = [:]
    }

    enum Admission {
        case admitted(replacing: ServicePlace?)
        case duplicate
        case full
    }

    private let tables = Mutex(Tables())

    package init() {}

    /// The circuit takes introductions for this key from now on, in place of whichever did.
    func add(service key: Ed25519Identity, at place: ServicePlace) -> Admission {
        tables.withLock { tables in
            guard tables.services[key] != nil || tables.services.count < Self.servicesLimit else { return .full }
            return .admitted(replacing: tables.services.updateValue(place, forKey: key))
        }
    }

    func service(_ key: Ed25519Identity) -> ServicePlace? { tables.withLock { $0.services[key] } }

    /// Forgets the circuit's key, unless another circuit took it over.
    func remove(service key: Ed25519Identity, at place: ServicePlace) {
        tables.withLock { if $0.services[key] == place { $0.services[key] = nil } }
    }

    /// A client waits here for the service that knows the cookie.
    func add(client cookie: RendezvousCookie, at place: ServicePlace) -> Admission {
        tables.withLock { tables in
            guard tables.clients[cookie] == nil else { return .duplicate }
            guard tables.clients.count < Self.waitingClientsLimit else { return .full }
            tables.clients[cookie] = place
            return .admitted(replacing: nil)
        }
    }

    /// Finds the client and forgets the cookie: of two services only the first meets it.
    func take(client cookie: RendezvousCookie) -> ServicePlace? { tables.withLock { $0.clients.removeValue(forKey: cookie) } }

    func remove(client cookie: RendezvousCookie) { tables.withLock { $0.clients[cookie] = nil } }

    /// Services and clients that wait.
    var counts: (services: Int, clients: Int) { tables.withLock { ($0.services.count, $0.clients.count) } }
}

/// A circuit that ends here, as other loops may hold it: they cannot look at it, only visit it on its own loop.
struct ServicePlace: Sendable, Equatable {
    private let circuit: LoopBound<RelayCircuit>
    private let identity: ObjectIdentifier
    /// The number of its loop.
    let loop: Int

    init(_ circuit: RelayCircuit) {
        self.circuit = LoopBound(circuit, mailbox: circuit.router.loop.mailbox)
        identity = ObjectIdentifier(circuit)
        loop = circuit.router.index
    }

    /// Calls `body` on the circuit's loop, at once if that is ours; with `nil` when the circuit is gone by then.
    func visit(from router: OnionRouter, _ body: @escaping @Sendable (RelayCircuit?) -> Void) { visit(onLoop: router.index, body) }

    /// `here`: the number of the loop that we are on, if that is known.
    func visit(onLoop here: Int?, _ body: @escaping @Sendable (RelayCircuit?) -> Void) {
        if here == loop { return body(live) }
        circuit.mailbox.post { body(self.live) }
    }

    /// On its own loop only.
    var live: RelayCircuit? { circuit.here.flatMap { $0.isClosed ? nil : $0 } }

    static func == (a: ServicePlace, b: ServicePlace) -> Bool { a.identity == b.identity }
}

/// What the consensus and the operator say about serving onion services.
package struct ServicePolicy: Sendable, Equatable {
    /// How often a service is introduced to clients that does not say itself; `nil` without limit.
    package var introductionLimits: IntroductionLimits?
    /// Clients that come straight to us as their rendezvous point are not answered (DoSRefuseSingleHopClientRendezvous).
    package var refusesSingleHopRendezvous = false

    package init() {}
}
