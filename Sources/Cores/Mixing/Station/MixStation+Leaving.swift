internal import Sealing

/// What a mote that ends gives away.
extension MixStation {
    /// Held packets of one bundle: what is lost with it if the mote ends before all of it has gone.
    private static let packetsPerBundle = 64
    /// A successor must be there at least so long from now.
    static let successorLife: UInt64 = 30_000
    /// With so many packets under way no more is given for now: each costs a key agreement, and a mote has other work.
    private static let packetsUnderWay = 128
    /// Until it is looked again whether more can be given. Milliseconds.
    private static let pause: UInt64 = 50

    /// Whoever will be there longest.
    private func successor(at now: MixTime) -> MixPeer? {
        map.gateways.filter { $0.id != own && $0.ends >= now + Self.successorLife }
            .max { ($0.ends, $0.id.bytes.reversed().first ?? 0) < ($1.ends, $1.id.bytes.reversed().first ?? 0) }
    }

    func nextParting(at now: MixTime) -> MixTime? { isLeaving && !isEmpty ? now + Self.pause : nil }

    /// Whatever else waits for other motes.
    var canGive: Bool { partings.values.reduce(0) { $0 + $1.left } < Self.packetsUnderWay }

    mutating func part(at now: MixTime) {
        holdAnswers(at: now)
        holdStuck(at: now)
        tell(at: now)
        guard let successor = successor(at: now) else { return }
        while mote.heldCount > 0, canGive { giveHeld(to: successor) }
        var underWay = Set(partings.values.compactMap { if case .parcel(let id) = $0.goods { id } else { nil } })
        for (id, letter) in outgoing where !underWay.contains(id) {
            guard canGive else { return }
            guard let errand = partable(letter) else { continue }
            give(Parcel(id: id, task: .send, blocks: [], content: errand.encoded), to: successor)
            underWay.insert(id)
        }
        for (id, report) in reports where !underWay.contains(id) {
            guard canGive else { return }
            give(report.parcel(id), to: successor)
        }
        let heirs = possibleHeirs(of: ourselves(at: now), at: now)
        for (id, parcel) in passingOn where !underWay.contains(id) {
            guard canGive, let heir = parcel.task == .deliver ? Self.heirs(of: id, among: heirs).first : successor else { return }
            give(parcel, to: heir)
        }
    }

    /// There are no slots any more, but whoever awaits an answer would send the letter again, to another gateway that does not know it. So answers go as if this mote
    /// had held them, with what it holds.
    private mutating func holdAnswers(at now: MixTime) {
        let held = outbox.takeAnswers().compactMap { answer in
            ReplayTag(fresh(ReplayTag.bytesCount)).map { HeldPacket(tag: $0, due: now + UInt64(settings.delays.draw(&random)), content: .forward(to: answer.firstHop, packet: answer.packet)) }
        }
        guard !held.isEmpty else { return }
        mote.resume(tags: [], held: held)
        store(held.map(StationRecord.held))
    }

    /// What is for motes that cannot be reached now waits at the successor, not here. Shares go with their letters.
    private mutating func holdStuck(at now: MixTime) {
        for (packet, target) in forwards.takeStuck() {
            if case .held(let tag) = packet.cargo { mote.resume(tags: [], held: [HeldPacket(tag: tag, due: now, content: .forward(to: target, packet: packet.bytes))]) }
        }
    }

    /// Not while it is being written down: then it may not be ours. Nor one that has been given up.
    private func partable(_ letter: Outgoing) -> Errand? {
        switch letter.state {
        case .recording, .givenUp: return nil
        default: break
        }
        var errand = letter.errand
        errand.destination = letter.course.destination ?? errand.destination
        return errand
    }

    private mutating func giveHeld(to successor: MixPeer) {
        let part = mote.handOver(upTo: Self.packetsPerBundle)
        guard let packets = try? HandOver.packets(part, settings.layout, from: own, key: key, to: successor, fresh: fresh) else { return }
        depart(.held(part), in: packets, to: successor)
    }

    private mutating func give(_ parcel: Parcel, to successor: MixPeer) {
        guard let sealed = SealedBox.seal(parcel.encoded, to: successor.publicKey) else { return }
        let route = [MixHop(id: successor.id, publicKey: successor.publicKey, delayMilliseconds: 0)], layout = settings.layout
        let packets = Fragment.cut(sealed, layout, parity: { _ in 0 })?.compactMap { fragment in
            (try? MixPayload.fragment(fragment).encoded(layout)).flatMap { try? Sphinx.packet(layout, route: route, to: successor.id, payload: $0, fresh: fresh) }
        }
        if let packets { depart(.parcel(parcel.id), in: packets, to: successor) }
    }

    mutating func depart(_ goods: Parting.Goods, in packets: [[UInt8]], to successor: MixPeer) {
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
        case .known(let ids) where !hasPassed: untold += ids
        case .parcel where !hasPassed: break
        case _ where parting.left > 0: partings[number] = parting
        case .held(let held): store(held.map { StationRecord.gone($0.tag) })
        case .known: break
        case .parcel(let id):
            if let letter = drop(id) { store(letter.ended(id) + [.remove(id: StationRecord.id(.course, id))]) }
            forgetReport(id)
            if passingOn.removeValue(forKey: id) != nil { settled(id); effects.append(.passed(id)) }
        }
    }
}
