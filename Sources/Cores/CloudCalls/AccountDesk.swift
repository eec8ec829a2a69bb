package import Ambience
package import Leasing

/// One account at a provider: which call to make next, given what is wanted and what was heard. It calls nobody and has no clock.
///
///     var desk = AccountDesk(driver.traits, fleet: "home", rentals: book, seed: 1)
///     desk.want(order, now: now)                     // and desk.end(key, now:)
///     switch desk.next(now: now) {
///     case .call(let call, let rental):              // make `rental` durable, if there is one, then call; one call at a time
///         desk.heard(outcome, notes, now: now)       // AccountSession makes both of what a driver and a line answer
///     case .wait(let until): …                       // nothing to do before then, unless something is wanted
///     }
///     for event in desk.takeEvents() { … }
///
/// The rules. A create's rental is durable before the call. What it was answered is never guessed: `Rental` repeats it or looks for its machine. Nothing is created in
/// a place that has not been listed whole since the desk was made. Ends go before all else, have a share of the calls for themselves, and are asked for until a listing
/// shows that they came true. Every place is listed again and again. A machine of the fleet that no order explains is ended once it was listed twice, half a minute
/// apart; machines of others are never in a list. Credentials refused stop creates and nothing else.
///
/// `now` should come from a clock that does not step back; if it does, pauses are forgotten and nothing worse happens.
package struct AccountDesk: Sendable {
    package enum Call: Equatable, Sendable {
        case survey
        case create(MachineOrder)
        case list(place: String?, mark: String?)
        /// Which machines the provider is about to take back.
        case notices(place: String?)
        case end(id: String, place: String)
    }

    package enum Outcome: Equatable, Sendable {
        case places([String])
        case creation(Creation)
        case page(MachinePage)
        /// When machines will be taken, by their ids.
        case notices([String: WallTime])
        case ended
        case failed(CallFailure)
    }

    package enum Step: Equatable, Sendable {
        /// `saving`: must be durable before the call is made.
        case call(Call, saving: Rental?)
        case wait(until: WallTime)
    }

    package enum EndReason: String, Sendable {
        case wanted, expired, doubled, unknown, broken
        /// It was listed, or should be, and is not any more: in case the lists are wrong.
        case unlisted
    }

    /// What the caller must write down or may want to tell.
    package enum Event: Equatable, Sendable {
        /// To be saved; if it is lost, the desk finds out again.
        case changed(Rental)
        /// Nothing will be made of it. For `.capacity` the pool that has nothing is the order's place, zone and size.
        case refused(MachineOrder, CallFailure)
        case made(MachineOrder, id: String)
        /// Its machine is no more, by a listing.
        case gone(MachineOrder, id: String)
        /// An end is wanted from now on.
        case ending(id: String, place: String, EndReason)
        /// The provider refuses to end it. It is asked again.
        case endRefused(id: String, CallFailure)
        /// The provider will take it at that time.
        case notice(id: String, at: WallTime)
        case credentialsRefused(String)
        case credentialsAccepted
        /// Long over: its record may be deleted.
        case forgotten(Rental)
    }

    /// One order and what is there of it.
    package struct Standing: Sendable {
        package internal(set) var rental: Rental
        package internal(set) var isWanted = true
        /// Its machines, as last listed; those that have ended are left out.
        package internal(set) var machines: [Machine] = []
        package internal(set) var endsEarly: WallTime?
        /// Listed at least once.
        var isSeen = false
        var since: WallTime?
        var misses = 0
        var brokenSightings = 0

        /// Whether there is, or may be, a machine of it.
        package var mayBeThere: Bool { rental.isInDoubt || rental.machine != nil || !machines.isEmpty }
    }

    /// Orders that the desk keeps in mind; a further one is refused.
    package static let ordersLimit = 20_000
    /// A list of more pages than this counts as none.
    package static let pagesLimit = 500

    let traits: AccountTraits
    let fleet: String
    var orders: [String: Standing] = [:]
    /// Names of orders that are on their way, in the order in which they came.
    var open: [String] = []
    var ends: [String: EndWish] = [:]
    var shelves: [String?: Shelf] = [:]
    var strangers: [String: Stranger] = [:]
    var survey = SurveyState()
    var budget: RateBudget
    var breaker: Breaker?
    var random: SeededRandom
    var outstanding: (call: Call, at: WallTime)?
    var events: [Event] = []
    var nextExpiry = WallTime(secondsSinceEpoch: .max)
    var isListTurn = true
    var lastNow: WallTime?

    /// `rentals`: all that is on record for this account. `seed`: for jitter.
    package init(_ traits: AccountTraits, fleet: String, rentals: [Rental] = [], seed: UInt64) {
        (self.traits, self.fleet) = (traits, fleet)
        budget = RateBudget(traits.limits)
        random = SeededRandom(seed: seed)
        if !traits.hasPlaces { shelves[nil] = Shelf() }
        for rental in rentals { file(Standing(rental: rental)) }
    }

    // MARK: What is wanted

    /// Wants a machine. Says no at the bound, for an order of another fleet and for one whose expiry has passed; an order that is known already stays as it is.
    @discardableResult
    package mutating func want(_ order: MachineOrder, now: WallTime) -> Bool {
        guard orders[order.name] == nil else { return true }
        guard orders.count < Self.ordersLimit, order.expires > now, order.fleet == fleet else { return false }
        file(Standing(rental: Rental(order)))
        if let fault = order.fault { refuse(order.name, .invalid(fault)) }
        if let breaker, now < breaker.until { refuse(order.name, .credentials(breaker.why)) }
        if let refusal = shelves[shelf(of: order.place)]?.refusal { refuse(order.name, refusal) }
        return true
    }

    /// Wants everything of a mote gone, also what may yet turn up of it.
    package mutating func end(_ key: MoteKey, now: WallTime) {
        for (name, standing) in orders where standing.rental.order.key == key { drop(name, .wanted, now) }
        for stranger in strangers.values where stranger.machine.tags.key == key { end(stranger.machine.id, place: stranger.machine.place, .wanted, now) }
    }

    /// Wants a machine gone, whoever ordered it.
    package mutating func end(_ id: String, place: String, now: WallTime) { end(id, place: place, .wanted, now) }

    /// Somebody says that the credentials are right now: creates are tried again.
    package mutating func trust(now: WallTime) {
        breaker?.until = now
        for place in shelves.keys { shelves[place]?.refusal = nil }
    }

    // MARK: What is known

    package mutating func takeEvents() -> [Event] {
        defer { events = [] }
        return events
    }

    package func standing(of order: MachineOrder) -> Standing? { orders[order.name] }
    package var standings: some Sequence<Standing> & Sendable { orders.values.map { $0 } }
    /// Machines of the fleet that no order explains, as last listed.
    package var unknown: [Machine] { strangers.values.map(\.machine) }
    /// When the oldest of the last whole listings was begun; `nil` until every place was listed once.
    package var listedSince: WallTime? {
        guard !shelves.isEmpty, !traits.hasPlaces || survey.isKnown else { return nil }
        let begun = shelves.values.map(\.begun)
        return begun.contains(nil) ? nil : begun.compactMap { $0 }.min()
    }
    /// Whether there is anything that a stopping program should wait for: ends that have not come true, creates in doubt.
    package var isBusy: Bool { !ends.isEmpty || open.contains { orders[$0]?.rental.isInDoubt == true } }
}

/// What the desk must know of a provider.
package struct AccountTraits: Sendable {
    package var repetition: Repetition
    /// Whether every place has a list of its own and the provider says which places there are.
    package var hasPlaces: Bool
    package var hasNotices: Bool
    package var limits: CallLimits

    package init(repetition: Repetition, hasPlaces: Bool = false, hasNotices: Bool = false, limits: CallLimits) {
        (self.repetition, self.hasPlaces, self.hasNotices, self.limits) = (repetition, hasPlaces, hasNotices, limits)
    }
}

extension AccountDesk {
    struct EndWish: Sendable {
        let place: String
        let reason: EndReason
        var notBefore: WallTime
        var tries = 0
        /// The provider said yes; a listing begun later decides.
        var accepted: WallTime?
    }

    /// One place's list.
    struct Shelf: Sendable {
        /// When the last whole listing was begun.
        var begun: WallTime?
        var due = WallTime(secondsSinceEpoch: 0)
        var failures = 0
        var noticesDue = WallTime(secondsSinceEpoch: 0)
        /// Whether machines of ours that may be taken back were there then.
        var hasSpot = false
        /// The account may not look, by the last try.
        var refusal: CallFailure?
        var pages: Pages?
    }

    /// A listing under way.
    struct Pages: Sendable {
        var begun: WallTime
        var machines: [Machine] = []
        var mark: String?
        var count = 0
    }

    struct Stranger: Sendable {
        var machine: Machine
        let first: WallTime
        var sightings = 1

        func seen(noLaterThan now: WallTime) -> Stranger { Stranger(machine: machine, first: min(first, now), sightings: sightings) }
    }

    struct SurveyState: Sendable {
        var due = WallTime(secondsSinceEpoch: 0)
        var isKnown = false
        var failures = 0
    }

    /// Open after credentials were refused: no creates until then, and then one to try.
    struct Breaker: Sendable {
        let kind: RateBudget.Kind
        let why: String
        var until: WallTime
    }

    /// The list that a place is in.
    func shelf(of place: String) -> String? { traits.hasPlaces ? place : nil }

    mutating func file(_ standing: Standing) {
        let order = standing.rental.order
        orders[order.name] = standing
        if standing.rental.isOpen { open.append(order.name) }
        if traits.hasPlaces, shelves[order.place] == nil { shelves[order.place] = Shelf() }
        nextExpiry = min(nextExpiry, order.expires)
    }

    /// Changes one order's rental and notes what came of it.
    mutating func change(_ name: String, _ now: WallTime, _ work: (inout Rental) -> Void) {
        guard var standing = orders[name] else { return }
        let before = standing.rental
        work(&standing.rental)
        guard standing.rental != before else { return }
        events.append(.changed(standing.rental))
        if !standing.rental.isOpen { open.removeAll { $0 == name } } else if !before.isOpen { open.append(name) }
        if let id = standing.rental.machine, before.machine != id {
            events.append(.made(before.order, id: id))
            (standing.since, standing.misses) = (now, 0)
            hurry(before.order.place, now + Self.soonSeconds)
        }
        orders[name] = standing
        if !standing.isWanted { drop(name, .wanted, now) }
    }

    mutating func refuse(_ name: String, _ failure: CallFailure) {
        guard var standing = orders[name], standing.rental.isCertain else { return }
        standing.rental.giveUp("\(failure)")
        orders[name] = standing
        open.removeAll { $0 == name }
        events += [.changed(standing.rental), .refused(standing.rental.order, failure)]
    }

    /// From now on nothing of this order shall be there.
    mutating func drop(_ name: String, _ reason: EndReason, _ now: WallTime) {
        guard let standing = orders[name] else { return }
        orders[name]?.isWanted = false
        let order = standing.rental.order
        if standing.rental.isCertain { change(name, now) { $0.giveUp("not wanted any more") } }
        if standing.rental.isInDoubt { hurry(order.place, now) }
        for id in Set(standing.machines.filter(\.isThere).map(\.id) + [standing.rental.machine].compactMap { $0 }) { end(id, place: order.place, reason, now) }
    }

    mutating func end(_ id: String, place: String, _ reason: EndReason, _ now: WallTime) {
        guard ends[id] == nil else { return }
        ends[id] = EndWish(place: place, reason: reason, notBefore: now)
        events.append(.ending(id: id, place: place, reason))
        hurry(place, now + Self.soonSeconds)
    }

    /// Lists a place by then at latest.
    mutating func hurry(_ place: String, _ time: WallTime) {
        let shelf = shelf(of: place)
        if shelves[shelf] == nil { shelves[shelf] = Shelf() }
        if let due = shelves[shelf]?.due, due > time { shelves[shelf]?.due = time }
    }

    static let soonSeconds: Int64 = 5
}
