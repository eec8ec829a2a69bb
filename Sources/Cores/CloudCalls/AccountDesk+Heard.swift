package import Ambience

extension AccountDesk {
    /// What came of the call that `next` gave out last.
    package mutating func heard(_ outcome: Outcome, _ notes: CallNotes = CallNotes(), now: WallTime) {
        guard let (call, begun) = outstanding else { return }
        outstanding = nil
        budget.learn(notes, now: now)
        let failure = call.failure(outcome)
        weigh(call, failure, now)
        switch (call, outcome) {
        case (.create(let order), .creation(let creation)): created(order, .success(creation), now)
        case (.create(let order), _): created(order, .failure(failure ?? .unknown("no answer")), now)
        case (.end(let id, _), .ended): accepted(id, now)
        case (.end(let id, _), _): endFailed(id, failure ?? .unknown("no answer"), now)
        case (.list(let place, _), .page(let page)): took(page, of: place, now)
        case (.list(let place, _), _): listFailed(place, now)
        case (.notices(let place), .notices(let notices)): noticed(notices, place, now)
        case (.notices(let place), _): shelves[place]?.noticesDue = now + (failure?.isRefusal == true ? Self.refusedNoticeSeconds : Self.noticeSeconds)
        case (.survey, .places(let places)): surveyed(places, begun)
        case (.survey, _):
            survey.failures += 1
            survey.due = now + RateBudget.backOff(survey.failures, longest: Self.longestPlacePauseSeconds, &random)
        }
    }

    private static let noticeSeconds: Int64 = 15
    /// Who may not ask for notices rents without them, and asks again now and then.
    private static let refusedNoticeSeconds: Int64 = 600
    private static let surveySeconds: Int64 = 3600
    private static let longestPlacePauseSeconds: Int64 = 60

    // MARK: Budget and breaker

    private mutating func weigh(_ call: Call, _ failure: CallFailure?, _ now: WallTime) {
        guard let failure else {
            budget.succeeded(call.kind)
            guard breaker?.kind == call.kind || call.kind == .create, breaker != nil else { return }
            breaker = nil
            return events.append(.credentialsAccepted)
        }
        guard case .credentials(let why) = failure else { return budget.failed(call.kind, failure, now: now, random: &random) }
        if case .list(let place?, _) = call { close(place, failure) }
        guard concernsAccount(call) else { return }
        budget.failed(call.kind, failure, now: now, random: &random)
        if breaker == nil { events.append(.credentialsRefused(why)) }
        breaker = Breaker(kind: breaker?.kind ?? call.kind, why: why, until: now + Self.breakerSeconds)
        for name in open where orders[name]?.rental.isCertain == true { refuse(name, failure) }
    }

    /// One region that may not be looked at says nothing about the credentials, all of them do; nor does who may not ask for notices.
    private func concernsAccount(_ call: Call) -> Bool {
        switch call {
        case .notices: false
        case .list(_?, _): shelves.values.allSatisfy { $0.refusal != nil }
        case .list, .survey, .create, .end: true
        }
    }

    /// What may not be listed may not be rented.
    private mutating func close(_ place: String, _ failure: CallFailure) {
        shelves[place]?.refusal = failure
        for name in open where orders[name]?.rental.order.place == place { refuse(name, failure) }
    }

    // MARK: Creates and ends

    private mutating func created(_ order: MachineOrder, _ result: Result<Creation, CallFailure>, _ now: WallTime) {
        change(order.name, now) { $0.heard(result, now: now) }
        guard case .failure(let failure) = result, case .failed? = orders[order.name]?.rental.stage else { return }
        events.append(.refused(order, failure))
    }

    private mutating func accepted(_ id: String, _ now: WallTime) {
        guard let wish = ends[id] else { return }
        ends[id]?.accepted = now
        ends[id]?.notBefore = now + min(20 * Int64(wish.tries), RateBudget.longestPauseSeconds)
        hurry(wish.place, now + 1)
    }

    private mutating func endFailed(_ id: String, _ failure: CallFailure, _ now: WallTime) {
        guard let wish = ends[id] else { return }
        ends[id]?.notBefore = now + RateBudget.backOff(wish.tries, longest: RateBudget.longestEndPauseSeconds, &random)
        if case .invalid = failure { events.append(.endRefused(id: id, failure)) }
    }

    // MARK: Lists

    private mutating func surveyed(_ places: [String], _ begun: WallTime) {
        for place in places where shelves[place] == nil { shelves[place] = Shelf() }
        survey = SurveyState(due: begun + Self.surveySeconds, isKnown: true)
    }

    private mutating func listFailed(_ place: String?, _ now: WallTime) {
        guard var shelf = shelves[place] else { return }
        shelf.pages = nil
        shelf.failures += 1
        shelf.due = now + RateBudget.backOff(shelf.failures, longest: Self.longestPlacePauseSeconds, &random)
        shelves[place] = shelf
    }

    private mutating func took(_ page: MachinePage, of place: String?, _ now: WallTime) {
        guard var pages = shelves[place]?.pages else { return }
        pages.machines += page.machines.filter { $0.tags.fleet == fleet }
        pages.count += 1
        pages.mark = page.next
        guard page.next != nil else { return judge(pages.machines, of: place, begun: pages.begun, now) }
        if pages.count >= Self.pagesLimit { listFailed(place, now) } else { shelves[place]?.pages = pages }
    }

    private mutating func noticed(_ notices: [String: WallTime], _ place: String?, _ now: WallTime) {
        shelves[place]?.noticesDue = now + Self.noticeSeconds
        for (name, standing) in orders where shelf(of: standing.rental.order.place) == place {
            guard let id = standing.rental.machine, let time = notices[id] else { continue }
            tell(name, id, time)
        }
    }

    func isEarlier(_ time: WallTime, than known: WallTime?) -> Bool { known.map { time < $0 } ?? true }

    mutating func tell(_ name: String, _ id: String, _ time: WallTime) {
        guard let standing = orders[name], time < standing.rental.order.expires, isEarlier(time, than: standing.endsEarly) else { return }
        orders[name]?.endsEarly = time
        events.append(.notice(id: id, at: time))
    }
}

extension AccountDesk.Call {
    var kind: RateBudget.Kind {
        switch self {
        case .end: .end
        case .create: .create
        case .survey, .list, .notices: .list
        }
    }

    /// `nil` for an outcome that is one of this call's and no failure.
    func failure(_ outcome: AccountDesk.Outcome) -> CallFailure? {
        switch (self, outcome) {
        case (.create, .creation), (.end, .ended), (.list, .page), (.notices, .notices), (.survey, .places): nil
        case (_, .failed(let failure)): failure
        default: .unknown("an answer to something else")
        }
    }
}
