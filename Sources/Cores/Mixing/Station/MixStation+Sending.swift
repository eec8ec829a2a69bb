internal import Sealing

/// A gateway's letters: where each goes, its shares in slots, what comes back.
extension MixStation {
    /// Letters that are sealed and cut in one turn: it takes time.
    private static let lettersPerTurn = 16
    /// That landed, between two notes of how far a letter is.
    static let sharesPerNote = 8
    /// With fewer there is nothing to hide among, and a way back begins where the way there ended.
    package static let leastMotes = 3
    /// What a mote tells just before its end has come to its heirs by then. Milliseconds.
    private static let lastWords: UInt64 = 5_000
    /// How much the rate must be off before slots are drawn anew.
    private static let tolerance = 0.05

    mutating func send(at now: MixTime) {
        setRate(at: now)
        while let slot = nextSlot ?? schedule?.next(&random) {
            guard slot.at <= now else {
                nextSlot = slot
                break
            }
            nextSlot = nil
            if now - slot.at > Self.latest { drawAnew(at: now) } else { fill(slot, at: now) }
        }
        sendAgain(at: now)
        placeReports(at: now)
        sealNext(at: now)
    }

    // MARK: Slots

    /// Each packet meets so many motes.
    private var visits: Int { settings.hops + 1 }

    /// Packets that come into the whole network per second, as far as is seen here.
    package func networkRate(at now: MixTime) -> Double { cover.network(motes: map.gateways.count, visits: visits, at: now) }

    private mutating func setRate(at now: MixTime) {
        let wanted = settings.packetsPerSecond ?? cover.share(own: rate, motes: map.gateways.count, visits: visits, at: now)
        guard schedule == nil || abs(wanted / rate - 1) > Self.tolerance, map.gateways.count >= Self.leastMotes else { return }
        rate = wanted
        drawAnew(at: now)
    }

    /// A Poisson process has no memory: a new one may begin at any time.
    private mutating func drawAnew(at now: MixTime) {
        schedule = SendingSchedule(map: map, own: own, packetsPerSecond: rate, delays: settings.delays, from: now)
        nextSlot = nil
    }

    private mutating func fill(_ slot: SendingSlot, at now: MixTime) {
        guard !forwards.isFull, let first = slot.route.first, let (packet, sent) = try? outbox.fill(slot, fresh: fresh) else { return }
        var cargo = Forwards.Cargo.cover
        switch sent {
        case .fragment(let letter, let place): cargo = shareLeft(letter, place, at: now)
        case .loop(let id): loops.sent(id, in: slot)
        case .answer(let report): cargo = report.map { .report($0, by: first.id) } ?? .cover
        case .cover: break
        }
        forward(packet, cargo, to: first.id, at: now)
    }

    private mutating func shareLeft(_ letter: [UInt8], _ place: Int, at now: MixTime) -> Forwards.Cargo {
        if outbox.waiting(of: letter) == 0, let id = parcelOf[letter] { outgoing[id]?.left = now }
        return .share(letter: letter, place: place)
    }

    // MARK: Letters

    /// Milliseconds in which but one packet in so many passes all motes.
    private func passage(tail: Double) -> UInt64 { UInt64(settings.delays.quantile(hops: settings.hops, tail: tail)) }

    private func lives(_ mote: MixPeer, at now: MixTime) -> Bool { mote.ends >= now + passage(tail: 1e-6) }

    /// Until a letter must be sent again.
    func lasts(_ mote: MixPeer, at now: MixTime) -> Bool { lives(mote, at: now + patience + settings.leaving) }

    /// The gateway where it goes: the same as before if that is still there, for it knows whether it has had the letter. So one is chosen that will still be there when
    /// the letter must be sent again, if there is any. After its end, one that it may have told of the letter.
    private mutating func destination(of id: ParcelID, _ letter: Outgoing, at now: MixTime) -> MixPeer? {
        let fit = map.gateways.filter { lives($0, at: now) && (letter.errand.task != .deliver || $0.isExit) }, chosen = letter.course.destination ?? letter.errand.destination
        if let peer = fit.first(where: { $0.id == chosen?.id }) { return peer }
        if let chosen, letter.errand.task == .deliver, let heir = heir(of: id, at: chosen, now) { return heir }
        let others = fit.filter { $0.id != own }, lasting = others.filter { lasts($0, at: now + sending(letter)) }
        return lasting.randomElement(using: &random) ?? (others.isEmpty ? fit : others).max { $0.ends < $1.ends }
    }

    /// `nil`: now. A mote that leaves may still get what was sent to it before, then tells others and passes it on: if one of them were asked before its end, the letter could
    /// come twice. One that has gone without a word of its end, or long before it, keeps nobody waiting: it tells nothing more.
    private func heirsFrom(_ id: ParcelID, _ letter: Outgoing, at now: MixTime) -> MixTime? {
        guard letter.errand.task == .deliver, let chosen = letter.course.destination ?? letter.errand.destination,
            !map.gateways.contains(where: { $0.id == chosen.id && lives($0, at: now) })
        else { return nil }
        let ends = seen[chosen.id]?.ends ?? chosen.ends
        guard ends <= now + 2 * settings.leaving else { return nil }
        return ends + Self.lastWords > now ? ends + Self.lastWords : nil
    }

    /// The first of those that may have been told of it.
    private func heir(of id: ParcelID, at mote: Destination, _ now: MixTime) -> MixPeer? {
        let mote = Destination(id: mote.id, ends: seen[mote.id]?.ends ?? mote.ends)
        return Self.heirs(of: id, among: likelyHeirs(of: mote, at: now).map { $0.filter { lives($0, at: now) } }).first
    }

    /// Milliseconds until a letter's shares have had slots: few go to any one gateway.
    private func sending(_ letter: Outgoing) -> UInt64 { UInt64(min(1000 * Double(shares(of: letter) * map.gateways.count) / max(rate, 1e-6), 86_400_000)) }

    /// One that has nowhere to go lets others pass. One for which there is no room does not: a long one would never get any.
    private mutating func sealNext(at now: MixTime) {
        var tried = 0, stuck: [ParcelID] = []
        for id in fresher.prefix(Self.lettersPerTurn) {
            guard outgoing[id].map({ shares(of: $0) <= outbox.room }) ?? true else { break }
            tried += 1
            seal(id, at: now)
            if case .new? = outgoing[id]?.state { stuck.append(id) }
        }
        fresher.removeFirst(tried)
        fresher += stuck
    }

    /// Has a letter sealed with reply blocks and cut; it is sent once it is written down where to.
    private mutating func seal(_ id: ParcelID, at now: MixTime) {
        guard var letter = outgoing[id], case .new = letter.state else { return }
        guard now - letter.errand.since < settings.givesUpAfter else { return giveUp(id) }
        if let until = heirsFrom(id, letter, at: now) {
            outgoing[id]?.state = .waiting(until: until)
            return
        }
        guard let peer = destination(of: id, letter, at: now) else { return }
        let old = letter.goesOn && letter.course.destination?.id == peer.id ? letter.course.attempt : nil
        guard old != nil || letter.course.attempts < settings.attempts else { return giveUp(id) }
        let attempt = old ?? begin(&letter.course, of: id, at: peer, whole: now + sending(letter), now)
        letter.course.note = letter.errand.note
        (letter.state, letter.goesOn) = (.cutting, false)
        outgoing[id] = letter
        let parcel = Parcel(id: id, task: letter.errand.task, blocks: attempt.blocks, content: letter.errand.content)
        effects.append(.work(MixWork(task: .cut(parcel, attempt, publicKey: peer.publicKey, settings.layout))))
    }

    /// - Parameter whole: when all of the letter has been sent.
    private mutating func begin(_ course: inout Course, of id: ParcelID, at peer: MixPeer, whole: MixTime, _ now: MixTime) -> Course.Attempt {
        let answers = passage(tail: 1e-3), ways = replyBlocks(from: peer.id, by: [whole + answers, now + answers, now])
        let attempt = Course.Attempt(seed: fresh(Course.Attempt.seedBytes), motesPerLayer: map.width, blocks: ways.map(\.block))
        course.attempts += 1
        if course.attempts > 1 { count(\.sentAgain) }
        (course.destination, course.attempt) = (Destination(id: peer.id, ends: peer.ends), attempt)
        course.remember(ways.map(\.keys))
        for way in ways { owners[way.keys.id] = id }
        return attempt
    }

    mutating func record(_ id: ParcelID, _ fragments: [Fragment]?) {
        guard let letter = outgoing[id], case .cutting = letter.state else { return }
        guard let fragments else { return giveUp(id) }
        outgoing[id]?.state = .recording(fragments)
        store([.put(.course, id: StationRecord.id(.course, id), payload: letter.course.encoded)], .course(id))
    }

    private func parity(_ data: Int) -> Int { Fragment.parity(data: data, motesPerLayer: map.width) }

    private func shares(of letter: Outgoing) -> Int {
        let groups = Fragment.groups(letterBytes: letter.errand.content.count + Parcel.overheadBytes, shareBytes: Fragment.shareBytes(settings.layout))
        return groups.reduce(0) { $0 + $1 + parity($1) }
    }

    /// By ways that are there when the letter has arrived.
    /// Not over the mote that will use them: it has no slots that begin with itself.
    /// - Parameter instants: when that may be. The first at which there is such a way.
    private mutating func replyBlocks(from other: MixID, by instants: [MixTime]) -> [(block: ReplyBlock, keys: ReplyKeys)] {
        guard let schedule, let peer = seen[own] else { return [] }
        var blocks: [(ReplyBlock, ReplyKeys)] = []
        for _ in 0..<Parcel.blocksLimit {
            var way: [MixHop]?
            for instant in instants where way == nil || way?.first?.id == other { way = schedule.route(to: peer, at: instant, avoiding: other, &random) ?? way }
            guard let way, let id = ReplyID(fresh(ReplyID.bytesCount)), let made = try? Sphinx.replyBlock(route: way, to: own, id: id, fresh: fresh)
            else { return blocks }
            blocks.append((made.block, made.keys))
        }
        return blocks
    }

    mutating func sendShares(of id: ParcelID, _ isDurable: Bool, at now: MixTime) {
        guard let letter = outgoing[id], case .recording(let fragments) = letter.state else { return }
        guard isDurable, !isLeaving, let destination = letter.course.destination?.id, let name = fragments.first?.letter else { return stay(id) }
        let landed = letter.landed.letter == name ? letter.landed : LandedShares(letter: name), left = fragments.filter { !landed.has($0.place) }
        guard left.isEmpty || outbox.add(left, to: destination, at: destination) else { return stay(id) }
        outgoing[id]?.landed = landed
        outgoing[id]?.parities = fragments.count { $0.number >= $0.code.data }
        parcelOf[name] = id
        outgoing[id]?.left = nil
        let next: Outgoing.State = left.isEmpty ? .waiting(until: now + patience) : .sending(shares: left.count)
        outgoing[id]?.state = next
    }

    private mutating func stay(_ id: ParcelID) {
        outgoing[id]?.state = .new
        fresher.append(id)
    }

    /// The first mote on its way has it, or never will. What is left of an earlier attempt says nothing of this one.
    mutating func shareIsGone(of letter: [UInt8], _ place: Int, passed: Bool, at now: MixTime) {
        guard let id = parcelOf[letter], case .sending(let shares)? = outgoing[id]?.state else { return }
        if passed { landed(id, place) }
        let next = shares > 1 ? Outgoing.State.sending(shares: shares - 1) : .waiting(until: now + patience)
        outgoing[id]?.state = next
    }

    /// Now and then it is written down how far a letter is: what was not goes again after a restart.
    private mutating func landed(_ id: ParcelID, _ place: Int) {
        outgoing[id]?.landed.insert(place)
        guard let landed = outgoing[id]?.landed, landed.count.isMultiple(of: Self.sharesPerNote) else { return }
        outgoing[id]?.hasProgress = true
        store([.put(.progress, id: StationRecord.id(.progress, id), payload: landed.encoded)])
    }

    /// Until an answer should be here: two passages, and a slot at the other end that begins as the reply block does.
    private var patience: UInt64 {
        let slots = 7_000 * Double(max(map.layers.first?.count ?? 1, 1)) / max(rate, 1e-6)
        return 2 * passage(tail: 1e-3) + settings.grace + UInt64(min(slots, 86_400_000))
    }

    private mutating func sendAgain(at now: MixTime) {
        let patience = patience
        for (id, letter) in outgoing {
            switch letter.state {
            case .waiting(let deadline) where deadline < now: break
            // The first mote on some share's way does not answer: those that have not landed find others. Only as long as the gateway is there that knows what it has had.
            case .sending where letter.left.map { now - $0 > patience } ?? false && isListed(letter, at: now): outgoing[id]?.goesOn = true
            case .sending where isStranded(letter, at: now):
                guard outbox.waiting(of: letter.landed.letter) > letter.parities else {
                    // Enough has left for it to arrive: another gateway would not know that.
                    let deadline = now + patience
                    unsend(letter)
                    outgoing[id]?.state = .waiting(until: deadline)
                    continue
                }
                outgoing[id]?.course.attempts -= 1
                if outgoing[id]?.course.attempts == 0 { outgoing[id]?.course.destination = nil }
            default: continue
            }
            unsend(letter)
            outgoing[id]?.state = .new
            fresher.append(id)
        }
    }

    private func isListed(_ letter: Outgoing, at now: MixTime) -> Bool { map.gateways.contains { $0.id == letter.course.destination?.id && lives($0, at: now) } }

    /// Its gateway will be gone: no slot goes there any more, and shares of it are still here.
    private func isStranded(_ letter: Outgoing, at now: MixTime) -> Bool {
        !(letter.course.destination.flatMap { seen[$0.id] }.map { lives($0, at: now) } ?? false) && outbox.waiting(of: letter.landed.letter) > 0
    }

    /// It stays written down until its sender has been told.
    private mutating func giveUp(_ id: ParcelID) {
        guard let letter = outgoing[id] else { return }
        unsend(letter)
        forget(letter.course)
        outgoing[id]?.state = .givenUp
        effects.append(.givenUp(id, letter.errand))
    }

    /// Whoever sent a letter that was given up hears of it from somebody else.
    package mutating func told(_ id: ParcelID) {
        guard case .givenUp? = outgoing[id]?.state, let letter = drop(id) else { return }
        store(letter.ended(id) + [.remove(id: StationRecord.id(.course, id))])
    }

    private mutating func forget(_ course: Course) { for key in course.keys { owners[key.id] = nil } }

    // MARK: What comes back

    mutating func receive(_ reply: ReplyID, _ sealed: [UInt8], _ tag: ReplayTag, at now: MixTime) {
        guard let (id, note, answer) = open(reply, sealed) else { return store([StationRecord.gone(tag)]) }
        arrivedThere(id)
        guard case .report(let report) = answer else { return store([StationRecord.gone(tag)]) }
        unnoted.insert(tag)
        effects.append(.returned(id, note: note, report: report, packet: tag))
    }

    private func open(_ reply: ReplyID, _ sealed: [UInt8]) -> (ParcelID, note: [UInt8], ParcelAnswer)? {
        guard let id = owners[reply], let course = outgoing[id]?.course ?? courses[id], let keys = course.keys.first(where: { $0.id == reply }),
            let payload = try? keys.open(sealed), case .answer(let bytes)? = try? MixPayload(payload, settings.layout), let answer = ParcelAnswer(bytes)
        else { return nil }
        return (id, course.note, answer)
    }

    /// The letter is not ours any more; what is kept reads a report.
    mutating func arrivedThere(_ id: ParcelID) {
        guard let letter = drop(id) else { return }
        courses[id] = letter.course
        courses[id]?.attempt = nil
        coursesInOrder.append(id)
        store(letter.ended(id))
        effects.append(.taken(id))
        guard coursesInOrder.count > Self.coursesLimit else { return }
        let oldest = coursesInOrder.removeFirst()
        if let course = courses.removeValue(forKey: oldest) { forget(course) }
        store([.remove(id: StationRecord.id(.course, oldest))])
    }
}
