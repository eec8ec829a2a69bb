internal import Ambience

/// What a whole listing of a place proves.
extension AccountDesk {
    mutating func judge(_ machines: [Machine], of place: String?, begun: WallTime, _ now: WallTime) {
        let groups = Dictionary(grouping: machines) { $0.tags.orderName }
        for (name, group) in groups where orders[name] != nil { found(group, name, begun, now) }
        for (name, standing) in orders where groups[name] == nil && shelf(of: standing.rental.order.place) == place { missed(name, begun, now) }
        meet(machines.filter { orders[$0.tags.orderName] == nil && $0.isThere }, in: place, begun, now)
        proveEnds(machines, in: place, begun, now)
        shelves[place] = Shelf(
            begun: begun, due: now + pause(place, now), noticesDue: shelves[place]?.noticesDue ?? now,
            hasSpot: orders.values.contains { $0.rental.machine != nil && $0.rental.order.isSpot && shelf(of: $0.rental.order.place) == place })
    }

    // MARK: What is ours

    private mutating func found(_ group: [Machine], _ name: String, _ begun: WallTime, _ now: WallTime) {
        settle(name, group, begun, now)
        guard var standing = orders[name] else { return }
        standing.machines = group.filter { $0.state != .ended }
        (standing.isSeen, standing.misses) = (true, 0)
        standing.brokenSightings = group.contains { $0.state == .broken } ? standing.brokenSightings + 1 : 0
        orders[name] = standing
        if let id = standing.rental.machine, group.contains(where: { $0.id == id && $0.state == .ended }) { return gone(name, id, now) }
        for machine in group { if let time = machine.endsEarly, machine.id == standing.rental.machine { tell(name, machine.id, time) } }
        for machine in group.filter(\.isThere) {
            guard let reason = reason(machine, standing, now), ends[machine.id] == nil else { continue }
            if reason == .broken { events.append(.refused(standing.rental.order, .capacity(machine.fault ?? "it could not be made"))) }
            end(machine.id, place: standing.rental.order.place, reason, now)
        }
    }

    /// What was in doubt is not any more; and a machine under another id than was answered is taken for the order's if the answered one was never seen.
    private mutating func settle(_ name: String, _ group: [Machine], _ begun: WallTime, _ now: WallTime) {
        guard let standing = orders[name] else { return }
        if standing.rental.isOpen {
            change(name, now) { [repetition = traits.repetition] in $0.looked(group, begun: begun, repetition: repetition) }
        } else if let id = standing.rental.machine, !standing.isSeen, !group.contains(where: { $0.id == id }), let other = Sweep.survivor(group.filter(\.isThere), of: nil) {
            change(name, now) { $0.isReally(other.id) }
        }
    }

    private func reason(_ machine: Machine, _ standing: Standing, _ now: WallTime) -> EndReason? {
        if standing.rental.order.expires <= now { return .expired }
        if !standing.isWanted { return .wanted }
        if machine.state == .broken, standing.brokenSightings > 1 { return .broken }
        // Which of two is the second is known once the order is settled only.
        return standing.rental.isInDoubt || machine.id == standing.rental.machine ? nil : .doubled
    }

    private mutating func missed(_ name: String, _ begun: WallTime, _ now: WallTime) {
        guard let standing = orders[name] else { return }
        orders[name]?.machines = []
        if standing.rental.isInDoubt { return lookedInVain(name, begun, now) }
        guard let id = standing.rental.machine else { return forgetIfLongOver(name, standing, now) }
        guard let since = standing.since else { orders[name]?.since = begun; return }
        guard begun > since else { return }
        orders[name]?.misses += 1
        // A list may lag behind an answer, and lists lie: what is not listed any more, twice, is ended by its id, and no more when that was granted too.
        guard standing.misses > 0, standing.isSeen || ends[id] != nil || begun - since > traits.repetition.visibleWithinSeconds else { return }
        if let accepted = ends[id]?.accepted { if begun > accepted { gone(name, id, now) } } else { end(id, place: standing.rental.order.place, .unlisted, now) }
    }

    private mutating func lookedInVain(_ name: String, _ begun: WallTime, _ now: WallTime) {
        guard let standing = orders[name] else { return }
        let repetition = repetition(standing)
        change(name, now) { $0.looked([], begun: begun, repetition: repetition) }
        if case .failed(let why)? = orders[name]?.rental.stage { events.append(.refused(standing.rental.order, .unknown(why))) }
    }

    private mutating func gone(_ name: String, _ id: String, _ now: WallTime) {
        guard let order = orders[name]?.rental.order else { return }
        ends[id] = nil
        orders[name]?.machines.removeAll { $0.id == id }
        change(name, now) { $0.isGone() }
        events.append(.gone(order, id: id))
    }

    private mutating func forgetIfLongOver(_ name: String, _ standing: Standing, _ now: WallTime) {
        guard !standing.rental.isOpen, now - standing.rental.order.expires > Self.memorySeconds else { return }
        orders[name] = nil
        events.append(.forgotten(standing.rental))
    }

    private static let memorySeconds: Int64 = 3600

    // MARK: What is not

    /// Machines of the fleet without an order: ended once they were seen twice, long enough apart for an order to have been on its way.
    private mutating func meet(_ machines: [Machine], in place: String?, _ begun: WallTime, _ now: WallTime) {
        let here = Set(machines.map(\.id))
        strangers = strangers.filter { here.contains($0.key) || shelf(of: $0.value.machine.place) != place }
        for machine in machines {
            guard var known = strangers[machine.id] else { strangers[machine.id] = Stranger(machine: machine, first: begun); continue }
            known.machine = machine
            known.sightings += 1
            strangers[machine.id] = known
            if begun - known.first >= Self.strangerSeconds { end(machine.id, place: machine.place, .unknown, now) }
        }
    }

    private static let strangerSeconds: Int64 = 30

    /// An end has come true when the provider said yes and a later listing does not have the machine.
    private mutating func proveEnds(_ machines: [Machine], in place: String?, _ begun: WallTime, _ now: WallTime) {
        let there = Set(machines.filter(\.isThere).map(\.id)), listed = Set(machines.map(\.id))
        for (id, wish) in ends where shelf(of: wish.place) == place && !there.contains(id) {
            guard let accepted = wish.accepted, begun > accepted else { continue }
            if listed.contains(id) || !orders.values.contains(where: { $0.rental.machine == id }) { ends[id] = nil }
        }
    }

    /// Often while something is young, ending or unexplained there, seldom where nothing of ours is.
    private func pause(_ place: String?, _ now: WallTime) -> Int64 {
        if ends.values.contains(where: { shelf(of: $0.place) == place }) { return Self.briskSeconds }
        if strangers.values.contains(where: { shelf(of: $0.machine.place) == place }) { return Self.strangerSeconds }
        let here = orders.values.filter { $0.mayBeThere && shelf(of: $0.rental.order.place) == place }
        return here.contains { !$0.isSeen || $0.misses > 0 || $0.since.map { now - $0 < Self.youthSeconds } ?? false } ? Self.briskSeconds : Self.steadySeconds
    }

    private static let briskSeconds: Int64 = 10, steadySeconds: Int64 = 60, youthSeconds: Int64 = 120
}
