/// A mote on the mix as it is published.
package struct MixPeer: Hashable, Sendable {
    package let id: MixID
    package let publicKey: [UInt8]
    /// When it came, or was started again.
    package let began: MixTime
    /// When it will be gone.
    package let ends: MixTime
    /// Letters for the outside may end there.
    package let isExit: Bool

    package init(id: MixID, publicKey: [UInt8], began: MixTime = MixTime(milliseconds: 0), ends: MixTime, isExit: Bool = false) {
        (self.id, self.publicKey, self.began, self.ends, self.isExit) = (id, publicKey, began, ends, isExit)
    }
}

/// Who is on the mix: layers that packets cross one after the other, and gateways, where letters come in and mailboxes are.
package struct MixMap: Hashable, Sendable {
    package var layers: [[MixPeer]]
    package var gateways: [MixPeer]
    /// Within so long all know of a mote that joins or leaves. Milliseconds.
    package var spread: UInt64 = 0

    package init(layers: [[MixPeer]], gateways: [MixPeer]) { (self.layers, self.gateways) = (layers, gateways) }

    /// Motes that are gateways, too, in as many layers by the order of their names. With fewer than three for a layer each is in all of them.
    package init(_ motes: [MixPeer], layers count: Int) {
        let sorted = motes.sorted { $0.id.bytes.lexicographicallyPrecedes($1.id.bytes) }
        let isSmall = sorted.count < 3 * count
        layers = (0..<count).map { layer in isSmall ? sorted : sorted.indices.filter { $0 % count == layer }.map { sorted[$0] } }
        gateways = sorted
    }

    /// The narrowest layer. Layers that share motes are as good as one mote, for all may be lost with one.
    package var width: Int { isOverlapping ? min(1, layers.map(\.count).min() ?? 0) : layers.map(\.count).min() ?? 0 }

    var isOverlapping: Bool {
        let all = layers.joined().map(\.id)
        return Set(all).count < all.count
    }
}

/// When a gateway sends a packet, where to and along which hops.
package struct SendingSlot: Hashable, Sendable {
    package let at: MixTime
    package let gateway: MixPeer
    /// The last is the gateway, which does not hold it.
    package let route: [MixHop]
}

/// A gateway's packets, drawn before anybody knows whether there are letters: at the instants of a Poisson process, each to any gateway along
/// any way. A letter takes a slot that goes where it must go anyway, and cover fills the others. So what is seen on the links is the same,
/// packet for packet, whether there are letters or not, and how many there are.
package struct SendingSchedule: Sendable {
    package let packetsPerSecond: Double
    package let delays: MixDelays
    package var map: MixMap {
        didSet {
            margins = Self.margins(map, delays)
            isChoosy = own != nil || map.isOverlapping
        }
    }
    /// Who sends, if that is one of the motes.
    private let own: MixID?
    private var isChoosy: Bool
    /// How long the motes of each layer must still live.
    private var margins: [UInt64]
    private var milliseconds: Double

    package init(map: MixMap, own: MixID? = nil, packetsPerSecond: Double, delays: MixDelays, from start: MixTime) {
        precondition(packetsPerSecond > 0)
        self.own = own
        isChoosy = own != nil || map.isOverlapping
        (self.map, self.packetsPerSecond, self.delays, milliseconds) = (map, packetsPerSecond, delays, Double(start.milliseconds))
        margins = Self.margins(map, delays)
    }

    /// The next slot. `nil` if there is no way any more: a layer without a mote that lives long enough, or no gateway.
    package mutating func next(_ random: inout some RandomNumberGenerator) -> SendingSlot? {
        milliseconds += MixDelays.exponential(&random) * 1000 / packetsPerSecond
        let at = MixTime(milliseconds: UInt64(milliseconds))
        guard let gateway = Self.living(map.gateways, at + (margins.last ?? 0)).randomElement(using: &random), let route = route(to: gateway, at: at, &random) else { return nil }
        return SendingSlot(at: at, gateway: gateway, route: route)
    }

    /// A mote of each layer that will be there until the packet has left it, but for one in a million: so the choice does not show the delays.
    /// - Parameter avoided: who shall not be on it, like the gateway, unless there is nobody else.
    package func route(to gateway: MixPeer, at: MixTime, avoiding avoided: MixID? = nil, _ random: inout some RandomNumberGenerator) -> [MixHop]? {
        var route: [MixHop] = []
        for (motes, margin) in zip(map.layers, margins) {
            let living = Self.living(motes, at + margin)
            guard let mote = (isChoosy ? apart(living, from: route.map(\.id) + [gateway.id] + [own, avoided].compactMap(\.self)) : living).randomElement(using: &random) else { return nil }
            route.append(MixHop(id: mote.id, publicKey: mote.publicKey, delayMilliseconds: delays.draw(&random)))
        }
        return route + [MixHop(id: gateway.id, publicKey: gateway.publicKey, delayMilliseconds: 0)]
    }

    /// Nobody holds a packet twice, nor one of its own or for itself, unless there is nobody else.
    private func apart(_ motes: [MixPeer], from unfit: [MixID]) -> [MixPeer] {
        let others = motes.filter { !unfit.contains($0.id) }
        return others.isEmpty ? motes : others
    }

    private static func margins(_ map: MixMap, _ delays: MixDelays) -> [UInt64] { map.layers.indices.map { UInt64(delays.quantile(hops: $0 + 1)) } }

    private static func living(_ motes: [MixPeer], _ until: MixTime) -> [MixPeer] { motes.filter { $0.ends >= until } }
}
