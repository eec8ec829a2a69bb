internal import Bytes
internal import Sealing

/// Which letters came: each is handed out once, however often it comes.
///
/// A letter's heirs are those few motes where letters leave that follow its name in the ring of motes' names, some that outlive the mote that tells them and some that
/// do not. A mote where letters leave tells them of it before it ends, and what it has not brought out it passes on to the first. A gateway that has heard nothing of
/// a letter sends it again, and once its first gateway is gone, to the first heir, too, that this one knew: there the two meet, whichever comes first.
extension MixStation {
    struct Known: Hashable {
        let since: MixTime
        /// It came somewhere else, and may still be passed on to us.
        let isHearsay: Bool
    }

    /// Letters that came, remembered for so long: whoever sends one again has given up long before.
    static let knownLimit = 65_536
    private static let knownFor: UInt64 = 14 * 86_400_000
    /// So many of each ring are told of a letter: some of them may have ended by the time that it comes again.
    private static let heirsCount = 4
    private static let idsPerBundle = 256

    func isNew(_ parcel: Parcel) -> Bool { known[parcel.id].map { parcel.isPassedOn && $0.isHearsay } ?? true }

    /// - Returns: what is to be written down with the letter.
    mutating func remember(_ id: ParcelID, at now: MixTime) -> StationRecord.Change {
        forgetOld(at: now)
        if isLeaving { untold.append(id) }
        return note(id, Known(since: now, isHearsay: false))
    }

    /// From a mote that ends. They never displace what came here; a letter of our own that is among them has arrived.
    mutating func learn(_ ids: [ParcelID], at now: MixTime) -> [StationRecord.Change] {
        for id in ids { arrivedThere(id) }
        let new = ids.filter { known[$0] == nil }.prefix(max(0, Self.knownLimit - known.count))
        if isLeaving { untold += new }
        return new.map { note($0, Known(since: now, isHearsay: true)) }
    }

    private mutating func note(_ id: ParcelID, _ what: Known) -> StationRecord.Change {
        known[id] = what
        return .put(.known, id: StationRecord.id(.known, id), payload: what.encoded)
    }

    /// Those that nobody sends again any more, or else those that came longest ago: many at once, for to find them takes a look at all.
    private mutating func forgetOld(at now: MixTime) {
        guard known.count >= Self.knownLimit else { return }
        let oldestFirst = known.sorted { $0.value.since < $1.value.since }, old = oldestFirst.prefix { now - $0.value.since > Self.knownFor }
        let forgotten = oldestFirst.prefix(max(old.count, Self.knownLimit / 16)).map(\.key)
        for id in forgotten { known[id] = nil }
        store(forgotten.map { .remove(id: StationRecord.id(.known, $0)) })
    }

    // MARK: Before the end

    /// Those of some motes that follow it in the ring of their names, of each ring.
    static func heirs(of id: ParcelID, among rings: [[MixPeer]]) -> [MixPeer] {
        rings.flatMap { ring -> [MixPeer] in
            let first = place(of: id, in: ring)
            return (0..<min(heirsCount, ring.count)).map { ring[(first + $0) % ring.count] }
        }
    }

    /// How many motes of a ring come before it, by halving: a mote that leaves knows many letters.
    private static func place(of id: ParcelID, in ring: [MixPeer]) -> Int {
        var candidates = 0..<ring.count
        while !candidates.isEmpty {
            let middle = candidates.lowerBound + candidates.count / 2
            candidates = id.bytes.lexicographicallyPrecedes(ring[middle].id.bytes) ? candidates.lowerBound..<middle : middle + 1..<candidates.upperBound
        }
        return candidates.lowerBound
    }

    /// Who is told of the letters of one that ends: any other where letters leave. First those that will be there for a letter that must be sent again, which is judged by
    /// the mote's end, not by now: whoever asks later than it told comes to the same ones.
    func possibleHeirs(of mote: Destination, at now: MixTime) -> [[MixPeer]] { rings(outliving: mote, at: now) { _ in true } }

    /// Who has been told of the letters of one that ends: those that it can have known before its end, if any of them are there. All can work out who they are, those, too,
    /// that came when it had gone.
    func likelyHeirs(of mote: Destination, at now: MixTime) -> [[MixPeer]] {
        let likely = rings(outliving: mote, at: now) { $0.began + 2 * map.spread <= mote.ends }
        return likely.allSatisfy(\.isEmpty) ? possibleHeirs(of: mote, at: now) : likely
    }

    private func rings(outliving mote: Destination, at now: MixTime, _ isHeir: (MixPeer) -> Bool) -> [[MixPeer]] {
        let motes = map.gateways.filter { $0.id != own && $0.id != mote.id && $0.isExit && $0.ends >= now + Self.successorLife && isHeir($0) }
            .sorted { $0.id.bytes.lexicographicallyPrecedes($1.id.bytes) }
        return [motes.filter { $0.ends - mote.ends >= settings.leaving }, motes.filter { $0.ends - mote.ends < settings.leaving }]
    }

    /// As others see us.
    func ourselves(at now: MixTime) -> Destination { Destination(id: own, ends: seen[own]?.ends ?? now) }

    /// With nobody to tell, nobody can get the letters again either. Neighbours in the ring share packets.
    mutating func tell(at now: MixTime) {
        let rings = possibleHeirs(of: ourselves(at: now), at: now), motes = rings.flatMap(\.self)
        guard seen[own]?.isExit == true, !motes.isEmpty else { return untold = [] }
        for mote in motes where met.insert(mote.id).inserted { tellAll(to: mote, among: rings) }
        while !untold.isEmpty, canGive {
            let part = untold.suffix(Self.idsPerBundle)
            untold.removeLast(part.count)
            var lists: [MixID: [ParcelID]] = [:]
            for id in part { for heir in Self.heirs(of: id, among: rings) { lists[heir.id, default: []].append(id) } }
            for mote in motes { if let ids = lists[mote.id] { tell(ids, to: mote) } }
        }
    }

    /// One that came while we were leaving is asked like those to which we told, before it came, what there was.
    private mutating func tellAll(to mote: MixPeer, among rings: [[MixPeer]]) {
        let ids = known.keys.filter { id in Self.heirs(of: id, among: rings).contains { $0.id == mote.id } }
        for start in stride(from: 0, to: ids.count, by: Self.idsPerBundle) { tell(Array(ids[start...].prefix(Self.idsPerBundle)), to: mote) }
    }

    private mutating func tell(_ ids: [ParcelID], to mote: MixPeer) {
        guard let packets = try? HandOver.packets(.known(ids), settings.layout, from: own, key: key, to: mote, fresh: fresh) else { return }
        depart(.known(ids), in: packets, to: mote)
    }
}

extension MixStation.Known {
    var encoded: [UInt8] {
        var writer = ByteWriter()
        writer.u64(since.milliseconds)
        writer.u8(isHearsay ? 1 : 0)
        return writer.bytes
    }

    /// `nil` for what `encoded` would not have given.
    init?(_ payload: [UInt8]) {
        var reader = ByteReader(payload)
        guard let time = try? reader.u64(), let flag = try? reader.u8(), flag <= 1, reader.isAtEnd else { return nil }
        self.init(since: MixTime(milliseconds: time), isHearsay: flag == 1)
    }
}
