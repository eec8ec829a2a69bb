package import Ambience

/// What a mote knows of the boxes that it keeps: which items, since when, and at which other motes they lie too. The items' bytes are elsewhere.
///
/// A letter that is laid into a box by this mote and one that came from another are the same here: it stays until the owner has it, or until it
/// is no business of this mote's any more and all the motes that keep the box now have it. So a mote that only seals letters, one whose
/// neighbours change and one that is about to end do one thing: they pass items on.
package struct BoxShelf: Sendable {
    package struct Bounds: Sendable {
        /// 1 GiB in all.
        package var items = 65_536
        /// 256 MiB of one box.
        package var itemsOfBox = 16_384
        /// An owner who has not asked by then gets nothing: 60 days. Seconds.
        package var keepSeconds: Int64 = 60 * 86_400

        package init() {}
    }

    package enum Verdict: UInt8, Sendable {
        case held = 0, known = 1, full = 2
    }

    /// Something to pass on.
    package struct Errand: Hashable, Sendable {
        package let address: BoxAddress
        package let names: [[UInt8]]
        package let mote: BoxMote
    }

    private struct Entry {
        let since: WallTime
        /// Identities of motes that said they have it.
        var copies: Set<[UInt8]> = []
    }

    private let bounds: Bounds
    private var boxes: [BoxAddress: [[UInt8]: Entry]] = [:]
    private var ranking = BoxRanking()
    package private(set) var count = 0

    package init(bounds: Bounds = Bounds()) { self.bounds = bounds }

    package var boxesCount: Int { boxes.count }

    /// What is to become of an item; `held` means that it is on the shelf now, and its bytes are to be kept.
    package mutating func add(_ name: [UInt8], to address: BoxAddress, at now: WallTime) -> Verdict {
        guard boxes[address]?[name] == nil else { return .known }
        guard count < bounds.items, boxes[address]?.count ?? 0 < bounds.itemsOfBox else { return .full }
        boxes[address, default: [:]][name] = Entry(since: now)
        count += 1
        return .held
    }

    /// Whether as many more would fit.
    package func hasRoom(for more: Int, of address: BoxAddress) -> Bool { count + more <= bounds.items && (boxes[address]?.count ?? 0) + more <= bounds.itemsOfBox }

    package func contains(_ name: [UInt8], of address: BoxAddress) -> Bool { boxes[address]?[name] != nil }

    /// Takes away what is among `names`; those that were there.
    package mutating func remove(_ names: some Sequence<[UInt8]>, of address: BoxAddress) -> [[UInt8]] {
        let gone = names.filter { boxes[address]?.removeValue(forKey: $0) != nil }
        count -= gone.count
        if boxes[address]?.isEmpty == true {
            boxes[address] = nil
            ranking.forget(address)
        }
        return gone
    }

    /// The oldest first.
    package func names(of address: BoxAddress) -> [[UInt8]] {
        (boxes[address] ?? [:]).sorted { ($0.value.since, $0.key) < ($1.value.since, $1.key) }.map(\.key)
    }

    /// What to tell whom, one errand for each mote at most, given who keeps boxes now. `own` is left out of `motes` when this mote is to keep nothing.
    package mutating func errands(among motes: [BoxMote], own: [UInt8]) -> [Errand] {
        ranking.follow(motes)
        var found: [[UInt8]: Errand] = [:]
        let others = motes.count { $0.identity != own }
        for (address, entries) in boxes {
            guard found.count < others else { break }
            for place in ranking.places(of: address) where place.identity != own && found[place.identity] == nil {
                let missing = entries.filter { !$0.value.copies.contains(place.identity) }.sorted { ($0.value.since, $0.key) < ($1.value.since, $1.key) }
                if !missing.isEmpty { found[place.identity] = Errand(address: address, names: missing.prefix(BoxParcel.itemsLimit).map(\.key), mote: place) }
            }
        }
        return Array(found.values)
    }

    /// The mote of an errand has these now, or had them.
    package mutating func passed(_ names: [[UInt8]], of address: BoxAddress, to mote: [UInt8]) {
        for name in names { boxes[address]?[name]?.copies.insert(mote) }
    }

    /// Whether each item lies with one at least of the other motes that keep its box.
    package mutating func isElsewhere(among motes: [BoxMote], own: [UInt8]) -> Bool {
        ranking.follow(motes)
        return boxes.allSatisfy { address, entries in
            let others = ranking.places(of: address).map(\.identity).filter { $0 != own }
            return entries.values.allSatisfy { !$0.copies.isDisjoint(with: others) }
        }
    }

    /// Takes away what this mote need not keep: what all the places of its box have and this one is none of them, and what is too old.
    package mutating func surplus(among motes: [BoxMote], own: [UInt8], at now: WallTime) -> [[UInt8]] {
        ranking.follow(motes)
        var gone: [[UInt8]] = []
        for (address, entries) in boxes {
            let places = ranking.places(of: address).map(\.identity)
            let isElsewhere = !places.isEmpty && !places.contains(own)
            let names = entries.filter { now - $0.value.since >= bounds.keepSeconds || isElsewhere && $0.value.copies.isSuperset(of: places) }.map(\.key)
            gone += remove(names, of: address)
        }
        return gone
    }
}

private func < (a: (WallTime, [UInt8]), b: (WallTime, [UInt8])) -> Bool { a.0 == b.0 ? a.1.lexicographicallyPrecedes(b.1) : a.0 < b.0 }
