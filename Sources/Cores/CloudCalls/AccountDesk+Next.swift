package import Ambience

extension AccountDesk {
    /// What to do now. After `.call` the desk waits for `heard`; asked meanwhile, it says to wait.
    package mutating func next(now: WallTime) -> Step {
        if let outstanding { return .wait(until: max(now + 1, outstanding.at + Rental.callLimitSeconds)) }
        if lastNow.map({ now < $0 }) ?? true { forgetFuture(now) }
        lastNow = now
        budget.refill(now)
        endExpired(now)
        var wake = now + Self.longestWaitSeconds
        for kind in isListTurn ? [RateBudget.Kind.end, .list, .create] : [.end, .create, .list] {
            guard let (due, call) = candidate(kind, now) else { continue }
            let time = max(due, budget.ready(kind, now))
            if time <= now, let step = take(call, kind, now) { return step }
            wake = min(wake, max(time, now + 1))
        }
        return .wait(until: min(wake, max(nextExpiry, now + 1)))
    }

    private static let longestWaitSeconds: Int64 = 60

    private func candidate(_ kind: RateBudget.Kind, _ now: WallTime) -> (due: WallTime, call: Call)? {
        switch kind {
        case .end:
            ends.min { ($0.value.notBefore, $0.key) < ($1.value.notBefore, $1.key) }.map { ($0.value.notBefore, .end(id: $0.key, place: $0.value.place)) }
        case .create: dueCreate(now)
        case .list: dueList(now)
        }
    }

    /// `nil` if there is no time left for what was to be created.
    private mutating func take(_ call: Call, _ kind: RateBudget.Kind, _ now: WallTime) -> Step? {
        var saving: Rental?
        switch call {
        case .create(let order):
            var isTime = false
            change(order.name, now) { isTime = $0.asking(now: now) }
            guard isTime else {
                events.append(.refused(order, .invalid("no time was left")))
                return nil
            }
            saving = orders[order.name]?.rental
            isListTurn = true
        case .list(let place, _):
            if shelves[place]?.pages == nil { shelves[place]?.pages = Pages(begun: now) }
            isListTurn = false
        case .survey, .notices: isListTurn = false
        case .end(let id, _): ends[id]?.tries += 1
        }
        budget.spend()
        outstanding = (call, now)
        return .call(call, saving: saving)
    }

    // MARK: Creates

    private func dueCreate(_ now: WallTime) -> (due: WallTime, call: Call)? {
        var best: (due: WallTime, call: Call)?
        for name in open {
            guard let standing = orders[name], let due = createTime(standing, now) else { continue }
            if due <= now { return (due, .create(standing.rental.order)) }
            if best.map({ due < $0.due }) ?? true { best = (due, .create(standing.rental.order)) }
        }
        return best
    }

    /// When this order's create is due; `nil` if it must be looked for, or its place was not listed yet.
    private func createTime(_ standing: Standing, _ now: WallTime) -> WallTime? {
        let order = standing.rental.order
        guard standing.isWanted, shelves[shelf(of: order.place)]?.begun != nil else { return nil }
        let allowed = breaker?.until ?? now
        switch standing.rental.step(repetition(standing), now: now) {
        case .create: return max(now, allowed)
        case .wait(let until) where !standing.rental.isInDoubt || standing.rental.isRepeatable(repetition(standing), until): return max(until, allowed)
        case .wait, .look, .over: return nil
        }
    }

    /// Nothing is repeated of what is not wanted any more, nor while credentials are refused: its machine is looked for.
    func repetition(_ standing: Standing) -> Repetition {
        standing.isWanted && breaker == nil ? traits.repetition : .another(visibleWithinSeconds: traits.repetition.visibleWithinSeconds)
    }

    // MARK: Lists

    private func dueList(_ now: WallTime) -> (due: WallTime, call: Call)? {
        if let (place, shelf) = shelves.first(where: { $0.value.pages != nil }) { return (now, .list(place: place, mark: shelf.pages?.mark)) }
        var calls = shelves.map { (due: max($0.value.due, lookTime($0.key, now) ?? $0.value.due), call: Call.list(place: $0.key, mark: nil), place: $0.key ?? "") }
        for name in open {
            guard let standing = orders[name], let due = lookTime(standing, now) else { continue }
            let place = shelf(of: standing.rental.order.place)
            calls.append((due, .list(place: place, mark: nil), place ?? ""))
        }
        if traits.hasPlaces { calls.append((survey.due, .survey, "")) }
        if traits.hasNotices { calls += noticeCalls() }
        return calls.min { ($0.due, $0.place) < ($1.due, $1.place) }.map { ($0.due, $0.call) }
    }

    /// After failures a place waits, whoever wants to look.
    private func lookTime(_ place: String?, _ now: WallTime) -> WallTime? { shelves[place].flatMap { $0.failures > 0 ? $0.due : nil } }

    private func lookTime(_ standing: Standing, _ now: WallTime) -> WallTime? {
        guard standing.rental.isInDoubt else { return nil }
        let pausedUntil = lookTime(shelf(of: standing.rental.order.place), now) ?? now
        switch standing.rental.step(repetition(standing), now: now) {
        case .look: return max(now, pausedUntil)
        case .wait(let until) where !standing.rental.isRepeatable(repetition(standing), until): return max(until, pausedUntil)
        case .wait, .create, .over: return nil
        }
    }

    private func noticeCalls() -> [(due: WallTime, call: Call, place: String)] {
        shelves.filter(\.value.hasSpot).map { ($0.value.noticesDue, .notices(place: $0.key), $0.key ?? "") }
    }

    // MARK: Time

    /// What is recorded needs no listing to be ended.
    private mutating func endExpired(_ now: WallTime) {
        guard now >= nextExpiry else { return }
        nextExpiry = WallTime(secondsSinceEpoch: .max)
        for (name, standing) in orders {
            let expires = standing.rental.order.expires
            if expires > now {
                nextExpiry = min(nextExpiry, expires)
            } else if standing.isWanted, standing.mayBeThere || standing.rental.isCertain {
                drop(name, .expired, now)
            }
        }
    }

    /// After the clock stepped back, and for what another run wrote down by a clock that was fast: nothing has happened later than now, and nobody waits
    /// for what comes after it.
    private mutating func forgetFuture(_ now: WallTime) {
        ends = ends.mapValues { wish in
            var wish = wish
            (wish.notBefore, wish.accepted) = (now, wish.accepted.map { min($0, now) })
            return wish
        }
        orders = orders.mapValues { standing in
            var standing = standing
            standing.since = standing.since.map { min($0, now) }
            standing.rental.forgetFuture(now)
            return standing
        }
        strangers = strangers.mapValues { $0.seen(noLaterThan: now) }
        shelves = shelves.mapValues { shelf in
            var shelf = shelf
            (shelf.due, shelf.noticesDue, shelf.begun) = (now, now, shelf.begun.map { min($0, now) })
            if let pages = shelf.pages { shelf.pages?.begun = min(pages.begun, now) }
            return shelf
        }
        survey.due = now
        if breaker != nil { breaker?.until = now + Self.breakerSeconds }
    }

    static let breakerSeconds: Int64 = 300
}
