/// What happens with time: packets become due, slots come, letters are sent again.
extension MixStation {
    /// When `turn` is next needed, as far as that is known; at the latest a second from now.
    package func deadline(at now: MixTime) -> MixTime {
        let times = [mote.nextDue, nextSlot?.at, forwards.nextDue, nextParting(at: now)].compactMap(\.self)
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
        if verdicts == nil { count(\.unanswered) }
        var random = random
        for (packet, passed) in forwards.landed(mote, verdicts, at: now, &random) { land(packet, passed: passed, at: now) }
    }

    /// - Parameter passed: `nil` if it was given up.
    private mutating func land(_ packet: Forwards.Packet, passed: Bool?, at now: MixTime) {
        count(passed == true ? \.passed : \.lost)
        switch packet.cargo {
        case .held(let tag): store([StationRecord.gone(tag)])
        case .share(let letter, let place): shareIsGone(of: letter, place, passed: passed == true, at: now)
        case .parting(let number): partingLanded(number, passed == true)
        case .report(let id, let mote): reportLanded(id, by: mote, passed == true)
        case .cover: break
        }
    }

    // MARK: Packets

    private mutating func settle(_ packet: HeldPacket, at now: MixTime) {
        switch packet.content {
        case .forward(let mote, let bytes): forward(bytes, .held(packet.tag), to: mote, at: now)
        case .arrived(_, let payload): receive(payload, packet.tag, at: now)
        case .reply(_, let id, let sealed):
            receive(id, sealed, packet.tag, at: now)
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
            let result = letters.gather(fragment, at: now)
            forget(letters.takeAbandoned())
            switch result {
            case .whole(let letter): begin(letter, collected(fragment, tag))
            case .other(let result): wait(fragment, result, tag)
            }
        case .handOver(let fragment):
            let result = bundles.take(fragment, at: now)
            forget(bundles.takeAbandoned())
            if case .letter(let bundle) = result { takeOver(bundle, collected(fragment, tag), at: now) } else { wait(fragment, result, tag) }
        case .cover(let loop):
            _ = loops.came(loop)
            store([StationRecord.gone(tag)])
        case .answer, nil: store([StationRecord.gone(tag)])
        }
    }

    /// A share stays written down as a held packet until the whole of which it is a part is.
    private mutating func wait(_ fragment: Fragment, _ result: LetterCollector.Result, _ tag: ReplayTag) {
        if result == .waiting { sharesOf[fragment.letter, default: []].append(tag) } else { store([StationRecord.gone(tag)]) }
    }

    private mutating func collected(_ fragment: Fragment, _ tag: ReplayTag) -> [ReplayTag] { (sharesOf.removeValue(forKey: fragment.letter) ?? []) + [tag] }

    /// Of letters that will not become whole any more.
    private mutating func forget(_ letters: [[UInt8]]) {
        let tags = letters.flatMap { sharesOf.removeValue(forKey: $0) ?? [] }
        if !tags.isEmpty { store(tags.map(StationRecord.gone)) }
    }

    // MARK: Letters that end here

    mutating func open(_ parcel: Parcel?, _ tags: [ReplayTag], at now: MixTime) {
        let gone = tags.map(StationRecord.gone)
        guard let parcel else { return store(gone) }
        if parcel.task == .send { return inherit(parcel, gone) }
        if parcel.task == .report { return inheritReport(parcel, gone) }
        guard isNew(parcel) else {
            acknowledge(parcel.receipts)
            return store(gone)
        }
        guard arrived.count < Self.lettersLimit else { return store(gone) }
        let before = known[parcel.id], record = StationRecord.Change.put(.arrived, id: StationRecord.id(.arrived, parcel.id), payload: parcel.encoded)
        arrived[parcel.id] = Arrived(parcel)
        store([record, remember(parcel.id, at: now)] + gone, .parcel(parcel.id, content: parcel.content, before: before))
    }

    mutating func hand(_ id: ParcelID, _ content: [UInt8]) {
        guard let letter = arrived[id] else { return }
        count(\.lettersArrived)
        acknowledge(letter.receipts[...])
        guard !isLeaving else { return passOnArrived(id, content) }
        effects.append(.hand(id, letter.task, content, returning: letter.ways.flatMap(\.encoded)))
    }

    /// It could not be written down: whoever sends it again may have more luck.
    mutating func forget(_ id: ParcelID, _ before: Known?) { (arrived[id], known[id]) = (nil, before) }

    /// One that finds no room is not said.
    private mutating func acknowledge(_ blocks: ArraySlice<ReplyBlock>) { for block in blocks { _ = try? outbox.add(ParcelAnswer.taken.encoded, by: block) } }

    /// Up to twice the bounds: whoever gave it has it no more.
    private mutating func inherit(_ parcel: Parcel, _ gone: [StationRecord.Change]) {
        guard let errand = try? Errand(parcel.content), outgoing[parcel.id] == nil, courses[parcel.id] == nil, outgoing.count < 2 * Self.lettersLimit,
            outgoingBytes + errand.content.count <= 2 * Self.outgoingLimitBytes
        else { return store(gone) }
        keep(parcel.id, errand)
        fresher.append(parcel.id)
        store([.put(.outgoing, id: StationRecord.id(.outgoing, parcel.id), payload: errand.encoded)] + gone)
    }

    private mutating func takeOver(_ bundle: [UInt8], _ tags: [ReplayTag], at now: MixTime) {
        let gone = tags.map(StationRecord.gone)
        switch try? HandOver.goods(in: bundle, settings.layout, to: own, key: key, predecessor: { seen[$0]?.publicKey }) {
        case .held(let held): store(mote.takeOver(held).map(StationRecord.held) + gone)
        case .known(let ids): store(learn(ids, at: now) + gone)
        case nil: store(gone)
        }
    }
}
