/// What happens with time: packets become due, slots come, letters are sent again.
extension MixStation {
    /// When `turn` is next needed, as far as that is known; at the latest a second from now.
    package func deadline(at now: MixTime) -> MixTime {
        let times = [mote.nextDue, nextSlot?.at, forwards.nextDue].compactMap(\.self)
        return max(now, min(times.min() ?? now + 1_000, now + 1_000))
    }

    /// Does all that is due.
    package mutating func turn(at now: MixTime) {
        for packet in mote.due(at: now) { settle(packet, at: now) }
        for packet in forwards.giveUp(at: now, ends: { seen[$0]?.ends }) { land(packet, passed: nil, at: now) }
        loops.check(at: now)
        if isLeaving { part(at: now) } else { send(at: now) }
        for (mote, packets) in forwards.depart(at: now) { effects.append(.send(to: mote, packets)) }
    }

    /// How a `send` ended.
    /// - Parameter verdicts: one for each packet; `nil` if the mote could not be asked.
    package mutating func landed(_ mote: MixID, _ verdicts: [Verdict]?, at now: MixTime) {
        var random = random
        for (packet, passed) in forwards.landed(mote, verdicts, at: now, &random) { land(packet, passed: passed, at: now) }
    }

    /// - Parameter passed: `nil` if it was given up.
    private mutating func land(_ packet: Forwards.Packet, passed: Bool?, at now: MixTime) {
        count(passed == true ? \.passed : \.lost)
        switch packet.cargo {
        case .held(let tag): store([StationRecord.gone(tag)])
        case .share(let id): shareIsGone(of: id, at: now)
        case .parting(let number): partingLanded(number, passed == true)
        case .cover: break
        }
    }

    // MARK: Packets

    private mutating func settle(_ packet: HeldPacket, at now: MixTime) {
        switch packet.content {
        case .forward(let mote, let bytes): forward(bytes, .held(packet.tag), to: mote, at: now)
        case .arrived(_, let payload): receive(payload, packet.tag, at: now)
        case .reply(_, let id, let sealed):
            receive(id, sealed, at: now)
            store([StationRecord.gone(packet.tag)])
        }
    }

    /// To the next mote; if that is this one, at once.
    mutating func forward(_ bytes: [UInt8], _ cargo: Forwards.Cargo, to next: MixID, at now: MixTime) {
        let packet = Forwards.Packet(bytes: bytes, cargo: cargo)
        guard next == own else { return forwards.add(packet, to: next) }
        let taken = mote.take([bytes], at: now)[0]
        if case .held(let held) = taken {
            cover.arrived(1, at: now)
            store([StationRecord.held(held)])
        }
        land(packet, passed: Verdict(taken) != .refused, at: now)
    }

    private mutating func receive(_ payload: [UInt8], _ tag: ReplayTag, at now: MixTime) {
        switch try? MixPayload(payload, settings.layout) {
        case .fragment(let fragment):
            let result = letters.take(fragment, at: now)
            collect(fragment, result, tag) { station, letter, tags in station.open(letter, tags, at: now) }
        case .handOver(let fragment):
            let result = bundles.take(fragment, at: now)
            collect(fragment, result, tag) { station, bundle, tags in station.takeOver(bundle, tags) }
        case .cover(let loop):
            _ = loops.came(loop)
            store([StationRecord.gone(tag)])
        case .answer, nil: store([StationRecord.gone(tag)])
        }
    }

    /// A share stays written down as a held packet until the whole of which it is a part is.
    private mutating func collect(
        _ fragment: Fragment, _ result: LetterCollector.Result, _ tag: ReplayTag, whole: (inout MixStation, [UInt8], [ReplayTag]) -> Void
    ) {
        switch result {
        case .waiting: sharesOf[fragment.letter, default: []].append(tag)
        case .letter(let bytes): whole(&self, bytes, (sharesOf.removeValue(forKey: fragment.letter) ?? []) + [tag])
        case .known, .full, .refused: store([StationRecord.gone(tag)])
        }
    }

    // MARK: Letters that end here

    private mutating func open(_ sealed: [UInt8], _ tags: [ReplayTag], at now: MixTime) {
        let gone = tags.map(StationRecord.gone)
        guard let parcel = key.open(sealed).flatMap({ try? Parcel($0) }) else { return store(gone) }
        guard parcel.task != .send else { return inherit(parcel, gone) }
        guard known[parcel.id] == nil else {
            acknowledge(parcel.blocks)
            return store(gone)
        }
        guard arrived.count < Self.lettersLimit else { return store(gone) }
        forgetOld(at: now)
        known[parcel.id] = now
        arrived[parcel.id] = Arrived(task: parcel.task, blocks: parcel.blocks)
        let record = StationRecord.Change.put(.arrived, id: StationRecord.id(.arrived, parcel.id), payload: parcel.encoded)
        store([record, StationRecord.known(parcel.id, at: now)] + gone, .parcel(parcel.id, content: parcel.content))
    }

    mutating func hand(_ id: ParcelID, _ content: [UInt8]) {
        guard let letter = arrived[id] else { return }
        count(\.lettersArrived)
        let half = letter.blocks.count / 2
        acknowledge(Array(letter.blocks.prefix(half)))
        effects.append(.hand(id, letter.task, content, returning: letter.blocks.dropFirst(half).flatMap(\.encoded)))
    }

    /// It could not be written down: whoever sends it again may have more luck.
    mutating func forget(_ id: ParcelID) { (arrived[id], known[id]) = (nil, nil) }

    private mutating func forgetOld(at now: MixTime) {
        guard known.count >= Self.knownLimit else { return }
        let sorted = known.sorted { $0.value < $1.value }, old = sorted.filter { now - $0.value > Self.knownFor }
        for (id, _) in old.isEmpty ? Array(sorted.prefix(1)) : old {
            known[id] = nil
            store([.remove(id: StationRecord.id(.known, id))])
        }
    }

    private mutating func acknowledge(_ blocks: [ReplyBlock]) { for block in blocks { answer(.taken, by: block) } }

    /// An answer that is too long or finds no room is none.
    mutating func answer(_ answer: ParcelAnswer, by block: ReplyBlock) { _ = try? outbox.add(answer.encoded, by: block) }

    private mutating func inherit(_ parcel: Parcel, _ gone: [StationRecord.Change]) {
        guard let errand = try? Errand(parcel.content), outgoing[parcel.id] == nil, admit(parcel.id, errand) else { return store(gone) }
        fresher.append(parcel.id)
        store([.put(.outgoing, id: StationRecord.id(.outgoing, parcel.id), payload: errand.encoded)] + gone)
    }

    private mutating func takeOver(_ bundle: [UInt8], _ tags: [ReplayTag]) {
        let held = try? HandOver.held(in: bundle, settings.layout, to: own, key: key) { seen[$0]?.publicKey }
        store(mote.takeOver(held ?? []).map(StationRecord.held) + tags.map(StationRecord.gone))
    }
}
