/// A mote on the mix as it is published.
package struct MixPeer: Hashable, Sendable {
    package let id: MixID
    package let publicKey: [UInt8]
    /// When it will be gone.
    package let ends: MixTime

    package init(id: MixID, publicKey: [UInt8], ends: MixTime) { (self.id, self.publicKey, self.ends) = (id, publicKey, ends) }
}

/// Who is on the mix: layers that packets cross one after the other, and gateways, where letters come in and mailboxes are.
package struct MixMap: Hashable, Sendable {
    package var layers: [[MixPeer]]
    package var gateways: [MixPeer]

    package init(layers: [[MixPeer]], gateways: [MixPeer]) { (self.layers, self.gateways) = (layers, gateways) }

    /// The narrowest layer.
    package var width: Int { layers.map(\.count).min() ?? 0 }
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
    package var map: MixMap { didSet { margins = Self.margins(map, delays) } }
    /// How long the motes of each layer must still live.
    private var margins: [UInt64]
    private var milliseconds: Double

    package init(map: MixMap, packetsPerSecond: Double, delays: MixDelays, from start: MixTime) {
        precondition(packetsPerSecond > 0)
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
    package func route(to gateway: MixPeer, at: MixTime, _ random: inout some RandomNumberGenerator) -> [MixHop]? {
        var route: [MixHop] = []
        for (motes, margin) in zip(map.layers, margins) {
            guard let mote = Self.living(motes, at + margin).randomElement(using: &random) else { return nil }
            route.append(MixHop(id: mote.id, publicKey: mote.publicKey, delayMilliseconds: delays.draw(&random)))
        }
        return route + [MixHop(id: gateway.id, publicKey: gateway.publicKey, delayMilliseconds: 0)]
    }

    private static func margins(_ map: MixMap, _ delays: MixDelays) -> [UInt64] { map.layers.indices.map { UInt64(delays.quantile(hops: $0 + 1)) } }

    private static func living(_ motes: [MixPeer], _ until: MixTime) -> [MixPeer] { motes.filter { $0.ends >= until } }
}
