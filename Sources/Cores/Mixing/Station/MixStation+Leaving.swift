internal import Sealing

/// What a mote that ends gives away.
extension MixStation {
    /// Held packets of one bundle: what is lost with it if the mote ends before all of it has gone.
    private static let packetsPerBundle = 64
    /// A successor must be there at least so long from now.
    private static let successorLife: UInt64 = 30_000

    /// Whoever will be there longest.
    private func successor(at now: MixTime) -> MixPeer? {
        map.gateways.filter { $0.id != own && $0.ends >= now + Self.successorLife }.max { ($0.ends, $0.id.bytes.reversed().first ?? 0) < ($1.ends, $1.id.bytes.reversed().first ?? 0) }
    }

    mutating func part(at now: MixTime) {
        guard let successor = successor(at: now) else { return }
        giveHeld(to: successor)
        let underWay = Set(partings.values.compactMap { if case .parcel(let id) = $0.goods { id } else { nil } })
        for (id, letter) in outgoing where !underWay.contains(id) {
            guard let errand = partable(letter) else { continue }
            give(Parcel(id: id, task: .send, blocks: [], content: errand.encoded), to: successor)
        }
        for (id, parcel) in passingOn where !underWay.contains(id) { give(parcel, to: successor) }
    }

    /// Not while it is being written down: then it may not be ours.
    private func partable(_ letter: Outgoing) -> Errand? {
        if case .recording = letter.state { return nil }
        return Errand(task: letter.errand.task, destination: letter.course.destination, note: letter.errand.note, content: letter.errand.content)
    }

    private mutating func giveHeld(to successor: MixPeer) {
        guard mote.heldCount > 0 else { return }
        var held = mote.handOver()[...]
        while !held.isEmpty {
            let part = Array(held.prefix(Self.packetsPerBundle))
            held = held.dropFirst(part.count)
            guard let packets = try? HandOver.packets(part, settings.layout, from: own, key: key, to: successor, fresh: fresh) else { continue }
            depart(.held(part), in: packets, to: successor)
        }
    }

    private mutating func give(_ parcel: Parcel, to successor: MixPeer) {
        guard let sealed = SealedBox.seal(parcel.encoded, to: successor.publicKey) else { return }
        let route = [MixHop(id: successor.id, publicKey: successor.publicKey, delayMilliseconds: 0)], layout = settings.layout
        let packets = Fragment.cut(sealed, layout, parity: { _ in 0 })?.compactMap { fragment in
            (try? MixPayload.fragment(fragment).encoded(layout)).flatMap { try? Sphinx.packet(layout, route: route, to: successor.id, payload: $0, fresh: fresh) }
        }
        if let packets { depart(.parcel(parcel.id), in: packets, to: successor) }
    }

    private mutating func depart(_ goods: Parting.Goods, in packets: [[UInt8]], to successor: MixPeer) {
        lastTicket += 1
        partings[lastTicket] = Parting(goods: goods, left: packets.count)
        for packet in packets { forwards.add(Forwards.Packet(bytes: packet, cargo: .parting(lastTicket)), to: successor.id) }
    }

    mutating func partingLanded(_ number: Int, _ hasPassed: Bool) {
        guard var parting = partings.removeValue(forKey: number) else { return }
        parting.left -= 1
        switch parting.goods {
        // Somebody else may take them; whoever gets one twice refuses the second.
        case .held(let held) where !hasPassed: mote.resume(tags: [], held: held)
        case .parcel where !hasPassed: break
        case _ where parting.left > 0: partings[number] = parting
        case .held(let held): store(held.map { StationRecord.gone($0.tag) })
        case .parcel(let id):
            if drop(id) != nil { store([.remove(id: StationRecord.id(.outgoing, id)), .remove(id: StationRecord.id(.course, id))]) }
            if passingOn.removeValue(forKey: id) != nil { effects.append(.passed(id)) }
        }
    }
}
