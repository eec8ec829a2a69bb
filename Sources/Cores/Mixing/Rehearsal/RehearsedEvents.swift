internal import Ambience

extension MixRehearsal {
    mutating func happen(_ event: Event) {
        switch event {
        case .slot(let gateway, let slot): send(slot, from: gateway)
        case .arrival(let mote, let packet): arrive(packet, at: mote)
        case .due(let mote): release(mote)
        case .letter(let number): handIn(number)
        case .fault(let fault): befall(fault)
        case .birth(let layer, let lane): birth(layer, lane, ends: now + UInt64(lifeMilliseconds))
        case .end(let mote): rotate(mote)
        case .unlisted(let mote): unlist(mote)
        }
    }

    // MARK: Packets

    private mutating func send(_ slot: SendingSlot, from index: Int) {
        var noise = noise
        guard let (packet, sent) = try? gateways[index].outbox.fill(slot, fresh: { Self.bytes($0, &noise) }) else { return report.faults.append("a packet could not be made") }
        self.noise = noise
        report.packets += 1
        switch sent {
        case .fragment, .answer: report.letterPackets += 1
        case .loop(let id): gateways[index].watch.sent(id, in: slot)
        case .cover: break
        }
        link(packet, from: gateways[index].peer.id, to: slot.route[0].id)
        look(index)
        nextSlot(index)
    }

    private mutating func link(_ packet: [UInt8], from: MixID, to: MixID) {
        if settings.isWatched { seen.append(Seen(at: now, from: from, to: to)) }
        queue.hold(.arrival(at: to, packet: packet), until: now + UInt64.random(in: 20...120, using: &random))
        guard Double.random(in: 0..<1, using: &random) < settings.replayed else { return }
        report.replays += 1
        queue.hold(.arrival(at: to, packet: packet), until: now + UInt64.random(in: 1000...3_600_000, using: &random))
    }

    private mutating func arrive(_ packet: [UInt8], at id: MixID) {
        guard let mote = motes[id], mote.isThere else { return report.lostPackets += 1 }
        // Nobody acknowledges it, so it is sent again.
        guard mote.downUntil <= now else { return queue.hold(.arrival(at: id, packet: packet), until: mote.downUntil + 1000) }
        switch motes[id]?.mix.take([packet], at: now)[0] {
        case .held(let held): keep(held, at: id)
        case .replayed: report.replaysRefused += 1
        case .full: report.faults.append("a mote is full")
        case .refused(let error): report.faults.append("a packet is refused: \(error)")
        case nil: break
        }
    }

    private mutating func keep(_ held: HeldPacket, at id: MixID) {
        motes[id]?.record(held)
        queue.hold(.due(at: id), until: held.due)
    }

    private mutating func release(_ id: MixID) {
        guard let mote = motes[id], mote.isThere else { return }
        guard mote.downUntil <= now else { return queue.hold(.due(at: id), until: mote.downUntil) }
        for held in motes[id]?.mix.due(at: now) ?? [] {
            motes[id]?.recordGone(held)
            guard mote.drops == 0 || Double.random(in: 0..<1, using: &random) >= mote.drops else {
                report.droppedPackets += 1
                continue
            }
            switch held.content {
            case .forward(let next, let packet): link(packet, from: id, to: next)
            case .arrived(_, let payload): arrived(payload, at: id)
            case .reply(_, let reply, let sealed): answered(reply, sealed, at: id)
            }
        }
    }

    private mutating func arrived(_ payload: [UInt8], at id: MixID) {
        let gateway = gateways.firstIndex { $0.peer.id == id }
        switch (try? MixPayload(payload, settings.layout), gateway) {
        case (.cover(let loop), let gateway?): _ = gateways[gateway].watch.came(loop)
        case (.fragment(let fragment), let gateway?):
            if case .letter(let bytes) = gateways[gateway].collector.take(fragment, at: now) { deliver(bytes, at: gateway) }
        case (.handOver(let fragment), nil):
            if case .letter(let bundle)? = motes[id]?.bundles.take(fragment, at: now) { takeOver(bundle, at: id) }
        default: report.faults.append("a payload makes no sense")
        }
    }

    // MARK: Letters

    private mutating func handIn(_ number: Int) {
        let from = Int.random(in: gateways.indices, using: &authors), to = (from + Int.random(in: 1..<gateways.count, using: &authors)) % gateways.count
        let shares = number % 10 == 9 ? 4 : 1, space = Fragment.shareBytes(settings.layout) * shares
        var text = bytes(space / 2 + Int.random(in: 0..<space / 2 - ReplyBlock.bytesCount, using: &authors))
        if settings.isAnswered, let (block, keys) = replyBlock(for: from) {
            gateways[from].keys[keys.id] = keys
            text = block.encoded + text
        }
        let fragments = Fragment.cut(text, settings.layout) { Fragment.parity(data: $0, motesPerLayer: settings.width) } ?? []
        guard gateways[from].outbox.add(fragments, to: gateways[to].peer.id, at: gateways[to].peer.id) else { return report.faults.append("an outbox is full") }
        letters.append(Letter(bytes: text, handedIn: now))
        report.letters += 1
    }

    /// For an answer in a few hours: over motes that are there a good while.
    private mutating func replyBlock(for gateway: Int) -> (block: ReplyBlock, keys: ReplyKeys)? {
        let late = now + UInt64(lifeMilliseconds / 4), peer = gateways[gateway].peer
        guard let route = gateways[gateway].schedule.route(to: peer, at: late, &authors), let id = ReplyID(bytes(ReplyID.bytesCount)) else { return nil }
        var noise = noise
        defer { self.noise = noise }
        return try? Sphinx.replyBlock(route: route, to: peer.id, id: id, fresh: { Self.bytes($0, &noise) })
    }

    private mutating func deliver(_ bytes: [UInt8], at gateway: Int) {
        guard let index = letters.firstIndex(where: { $0.bytes == bytes }) else { return report.faults.append("a letter that nobody wrote") }
        letters[index].deliveries += 1
        guard letters[index].deliveries == 1 else { return report.twice += 1 }
        let hours = Double(now - letters[index].handedIn) / 3_600_000
        report.meanHours = (report.meanHours * Double(report.delivered) + hours) / Double(report.delivered + 1)
        report.delivered += 1
        if settings.isAnswered, let block = try? ReplyBlock(bytes.prefix(ReplyBlock.bytesCount)) { _ = try? gateways[gateway].outbox.add(Array(bytes.suffix(16)), by: block) }
    }

    private mutating func answered(_ id: ReplyID, _ sealed: [UInt8], at mote: MixID) {
        guard let gateway = gateways.firstIndex(where: { $0.peer.id == mote }), let keys = gateways[gateway].keys.removeValue(forKey: id), let payload = try? keys.open(sealed),
            case .answer(let bytes)? = try? MixPayload(payload, settings.layout), letters.contains(where: { $0.deliveries > 0 && $0.bytes.suffix(16).elementsEqual(bytes) })
        else { return report.faults.append("an answer that nobody awaits") }
        report.answered += 1
    }

    // MARK: Motes

    private mutating func befall(_ fault: Fault) {
        guard let id = map.layers[fault.layer].last?.id else { return }
        switch fault {
        case .killed:
            report.restarted += 1
            motes[id]?.restart(settings.layout, at: now + 10_000)
        case .toldToEnd: end(id, replacedBy: replacement(of: id))
        case .lost:
            motes[id]?.isThere = false
            known.insert(id)
            queue.hold(.unlisted(id), until: now + 600_000)
        case .dropping:
            motes[id]?.drops = 0.5
            dropping = (id, now)
            known.insert(id)
        }
    }

    /// Its time is over: the next in its lane takes what it still holds.
    private mutating func rotate(_ id: MixID) {
        guard let mote = motes[id], mote.isThere, let layer = mote.layer else { return }
        let next = map.layers[layer].last { motes[$0.id]?.lane == mote.lane && $0.id != id }
        guard let next else { return unlist(id) }
        report.rotated += 1
        end(id, replacedBy: next)
    }

    private mutating func replacement(of id: MixID) -> MixPeer? {
        guard let mote = motes[id], let layer = mote.layer else { return nil }
        birth(layer, mote.lane, ends: now + UInt64(lifeMilliseconds))
        return map.layers[layer].last
    }

    private mutating func end(_ id: MixID, replacedBy successor: MixPeer?) {
        guard let mote = motes[id], let successor else { return }
        let held = motes[id]?.mix.handOver() ?? []
        report.handedOver += held.count
        motes[id]?.isThere = false
        motes[successor.id]?.predecessor = id
        var noise = noise
        let packets = try? HandOver.packets(held, settings.layout, from: id, key: mote.key, to: successor, fresh: { Self.bytes($0, &noise) })
        self.noise = noise
        for packet in packets ?? [] { link(packet, from: id, to: successor.id) }
        unlist(id)
    }

    private mutating func takeOver(_ bundle: [UInt8], at id: MixID) {
        guard let mote = motes[id] else { return }
        let goods = try? HandOver.goods(in: bundle, settings.layout, to: id, key: mote.key) { from in from == mote.predecessor ? motes[from]?.peer.publicKey : nil }
        guard case .held(let held)? = goods else { return report.faults.append("a bundle is refused") }
        for packet in motes[id]?.mix.takeOver(held) ?? [] { keep(packet, at: id) }
    }

    private mutating func unlist(_ id: MixID) {
        guard let layer = motes[id]?.layer, map.layers[layer].contains(where: { $0.id == id }) else { return }
        map.layers[layer].removeAll { $0.id == id }
        publish()
    }

    /// What a gateway's loops tell it.
    private mutating func look(_ gateway: Int) {
        gateways[gateway].watch.check(at: now)
        for suspect in gateways[gateway].watch.suspects where map.layers.joined().contains(where: { $0.id == suspect }) {
            if let dropping, dropping.mote == suspect { report.hoursToSuspect = report.hoursToSuspect ?? Double(now - dropping.since) / 3_600_000 }
            if !known.contains(suspect) { report.wronglySuspected += 1 }
            _ = replacement(of: suspect)
            unlist(suspect)
        }
    }
}
