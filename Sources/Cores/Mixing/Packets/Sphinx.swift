internal import Sealing

/// A hop as a sender sees it: who, under which key (X25519, 32 bytes), and how long it shall hold the packet.
package struct MixHop: Hashable, Sendable {
    package let id: MixID
    package let publicKey: [UInt8]
    package let delayMilliseconds: UInt32

    package init(id: MixID, publicKey: [UInt8], delayMilliseconds: UInt32) {
        (self.id, self.publicKey, self.delayMilliseconds) = (id, publicKey, delayMilliseconds)
    }
}

/// What senders do: wrap a payload for each hop in turn (Danezis and Goldberg, "Sphinx", 2009, with Katzenpost's primitives).
///
/// `fresh` gives that many bytes of secret randomness: it protects people, so it must be the system's.
package enum Sphinx {
    package typealias Fresh = (_ count: Int) -> [UInt8]

    /// A packet for a mailbox at the last hop of the route.
    package static func packet(_ layout: SphinxLayout, route: [MixHop], to mailbox: MixID, payload: [UInt8], fresh: Fresh) throws(SphinxError) -> [UInt8] {
        guard payload.count == layout.payloadBytes else { throw .wrongLength }
        let way = try SphinxWay(route, fresh: fresh)
        var body = [UInt8](repeating: 0, count: SphinxLayout.zerosBytes) + payload
        for hop in way.keys.reversed() { hop.payload(.encipher, &body) }
        return way.header(route, target: .here(mailbox, reply: nil), padding: way.padding(fresh)) + body
    }

    /// A block with which one reply can be sent to a mailbox at the last hop of the route by somebody who learns only the first, and the keys
    /// to read it with.
    package static func replyBlock(route: [MixHop], to mailbox: MixID, id: ReplyID, fresh: Fresh) throws(SphinxError) -> (block: ReplyBlock, keys: ReplyKeys) {
        let way = try SphinxWay(route, fresh: fresh)
        let header = way.header(route, target: .here(mailbox, reply: id), padding: way.padding(fresh))
        let own = fresh(AEZ.keyBytes + AEZ.nonceBytes)
        let keys = ReplyKeys(id: id, material: way.keys.reversed().flatMap { $0.payloadKey + $0.nonce } + own)
        return (ReplyBlock(header: header, firstHop: route[0].id, payloadKey: own), keys)
    }
}

/// The group elements and keys of a route's hops, as its sender computes them.
struct SphinxWay {
    let keys: [HopKeys]
    let elements: [[UInt8]]

    init(keys: [HopKeys], elements: [[UInt8]]) { (self.keys, self.elements) = (keys, elements) }

    /// Each hop's key agreement is blinded by all hops before it: the sender does to the later hops' points what those will do to the element.
    init(_ route: [MixHop], fresh: Sphinx.Fresh) throws(SphinxError) {
        guard (1...SphinxLayout.hopsLimit).contains(route.count), let ephemeral = Curve25519Key(secret: fresh(Curve25519Key.bytes)) else { throw .unusableRoute }
        var shared = Curve25519Key.multiply(route.map { (ephemeral.secret, $0.publicKey) })[...]
        var (keys, elements) = ([HopKeys](), [ephemeral.publicKey])
        while let first = shared.popFirst() {
            guard let secret = first, let element = elements.last else { throw .unusableRoute }
            let hop = HopKeys(secret: secret)
            keys.append(hop)
            guard !shared.isEmpty else { break }
            let blinding = hop.blinding
            let products = Curve25519Key.multiply([(blinding, element)] + shared.map { (blinding, $0 ?? []) })
            guard let next = products[0] else { throw .unusableRoute }
            elements.append(next)
            shared = products[1...]
        }
        self.init(keys: keys, elements: elements)
    }

    /// What stands behind the last hop's commands where others of a longer route would: noise, or the last hop would know how many there were.
    func padding(_ fresh: Sphinx.Fresh) -> [UInt8] { fresh((SphinxLayout.hopsLimit - keys.count) * SphinxLayout.hopBytes) }

    /// From the last hop to the first: each one's commands before the routing of those after it, hidden, and a digest that the hop before is told.
    func header(_ route: [MixHop], target: HopCommands.Target, padding: [UInt8]) -> [UInt8] {
        let streams = keys.map { hop in
            var stream = [UInt8](repeating: 0, count: SphinxLayout.routingBytes + SphinxLayout.hopBytes)
            hop.hide(&stream)
            return stream
        }
        let fillers = Self.fillers(streams)
        var (routing, target, header) = (padding, target, [UInt8]())
        for index in keys.indices.reversed() {
            routing = HopCommands(delayMilliseconds: route[index].delayMilliseconds, target: target).encoded + routing
            for place in routing.indices { routing[place] ^= streams[index][place] }
            header = SphinxLayout.version + elements[index] + routing + (index > 0 ? fillers[index - 1] : [])
            let digest = keys[index].digest(header)
            header += digest
            target = .next(route[index].id, digest: digest)
        }
        return header
    }

    /// What each hop will find behind the routing that it passes on: the zeros that it adds, hidden, after what the hops before it added.
    private static func fillers(_ streams: [[UInt8]]) -> [[UInt8]] {
        var fillers: [[UInt8]] = []
        for (index, stream) in streams.enumerated() {
            var filler = Array(stream[(SphinxLayout.routingBytes - index * SphinxLayout.hopBytes)...])
            for (place, byte) in (fillers.last ?? []).enumerated() { filler[place] ^= byte }
            fillers.append(filler)
        }
        return fillers
    }
}
