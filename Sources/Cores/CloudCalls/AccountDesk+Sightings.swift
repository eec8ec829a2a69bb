package import Leasing

extension AccountDesk {
    /// What this account knows of each mote, without what the motes say themselves.
    package var sightings: [MoteKey: Sighting] {
        var sightings: [MoteKey: Sighting] = [:]
        for standing in orders.values where standing.mayBeThere || standing.rental.isOpen { sightings[standing.rental.order.key, default: Sighting()].add(standing) }
        // The desk ends them once they were listed twice; until then they are in doubt, and nothing is proven gone.
        for stranger in strangers.values { sightings[stranger.machine.tags.key, default: Sighting()].isInDoubt = true }
        return sightings
    }
}

extension Sighting {
    /// A machine counts until listings have shown that it is no more; an order that may yet make one is in doubt.
    fileprivate mutating func add(_ standing: AccountDesk.Standing) {
        let ids = standing.rental.machine.map { [$0] } ?? standing.machines.prefix(1).map(\.id)
        instances += ids.filter { !instances.contains($0) }
        isInDoubt = isInDoubt || standing.rental.isOpen
        endsEarly = standing.endsEarly ?? endsEarly
        let address = standing.machines.first { ids.contains($0.id) }?.address
        place = [standing.rental.order.place, address].compactMap { $0 }.joined(separator: " ")
    }
}
