package import Ambience

/// Makes requests of an account's calls and outcomes of the answers: signs in where the provider wants that, again when it is forgotten there, and signs by the
/// provider's clock when ours is wrong.
package struct AccountSession: Sendable {
    package let driver: any CloudDriver
    private var pass: Pass?
    /// The provider's clock minus ours, as last heard.
    package private(set) var skewSeconds: Int64 = 0

    /// What a smaller difference is may be the way of the answer.
    private static let leastSkewSeconds: Int64 = 5

    package init(_ driver: any CloudDriver) { self.driver = driver }

    /// `send` carries one request and its answer, within `Rental.callLimitSeconds`; it is used up to four times: to sign in, and to ask once more after a refusal
    /// that a new pass or the right time may cure. A refusal did nothing, so that this repeats no create that may have been heard.
    package mutating func perform(
        _ call: AccountDesk.Call, fleet: String, now: () -> WallTime, _ send: (CloudRequest) -> Reply
    ) -> (outcome: AccountDesk.Outcome, notes: CallNotes) {
        let begun = now(), knew = (pass: pass, skew: skewSeconds)
        let first = once(call, fleet, begun, now, send)
        guard case .failed(.credentials) = first.outcome, knew.pass != nil || abs(skewSeconds - knew.skew) >= Self.leastSkewSeconds else { return first }
        pass = nil
        return once(call, fleet, begun, now, send)
    }

    private mutating func once(
        _ call: AccountDesk.Call, _ fleet: String, _ begun: WallTime, _ now: () -> WallTime, _ send: (CloudRequest) -> Reply
    ) -> (outcome: AccountDesk.Outcome, notes: CallNotes) {
        var notes = CallNotes()
        do throws(CallFailure) {
            try signIn(now, send, &notes)
            // `Rental` counts on creates being sent soon.
            if case .create = call, now() - begun > Rental.callLimitSeconds { throw .later(seconds: nil) }
            let request = try driver.authorize(driver.request(for: call, fleet: fleet), pass: pass, now: now() + skewSeconds)
            return (try driver.outcome(of: call, fleet: fleet, try answer(request, now, send, &notes)), notes)
        } catch {
            return (.failed(error), notes)
        }
    }

    private mutating func signIn(_ now: () -> WallTime, _ send: (CloudRequest) -> Reply, _ notes: inout CallNotes) throws(CallFailure) {
        if let pass, now() + skewSeconds < pass.expires { return }
        guard let request = driver.signIn() else { return }
        do {
            pass = try driver.signedIn(try answer(request, now, send, &notes), now: now() + skewSeconds)
        } catch .unknown(let why) {
            throw .unreachable(why)  // Whatever became of it, nothing was ordered.
        }
    }

    private mutating func answer(
        _ request: CloudRequest, _ now: () -> WallTime, _ send: (CloudRequest) -> Reply, _ notes: inout CallNotes
    ) throws(CallFailure) -> CloudAnswer {
        switch send(request) {
        case .unsent(let why): throw .unreachable(why)
        case .lost(let why): throw .unknown(why)
        case .answer(let answer):
            notes = CallNotes(answer.headers, now: now())
            if let skew = notes.skewSeconds { skewSeconds = abs(skew) < Self.leastSkewSeconds ? 0 : skew }
            return answer
        }
    }
}

/// What a provider gives for credentials, to be shown with every request for a while. Prints as nothing but its end.
package struct Pass: Sendable, CustomStringConvertible, CustomReflectable {
    let token: String
    /// Where the provider's service is in each place, for those that say so at signing in.
    let endpoints: [String: String]
    let expires: WallTime

    package var description: String { "Pass(until \(expires))" }
    package var customMirror: Mirror { Mirror(reflecting: description) }
}

extension CloudDriver {
    package var traits: AccountTraits {
        AccountTraits(repetition: repetition, hasPlaces: survey() != nil, hasNotices: notices(fleet: "", place: nil) != nil, limits: limits)
    }

    func request(for call: AccountDesk.Call, fleet: String) throws(CallFailure) -> CloudRequest {
        switch call {
        case .create(let order): return create(order)
        case .list(let place, let mark): return list(fleet: fleet, place: place, mark: mark)
        case .end(let id, let place): return end(id, place: place)
        case .survey: if let request = survey() { return request }
        case .notices(let place): if let request = notices(fleet: fleet, place: place) { return request }
        }
        throw .invalid("the provider has no such call")
    }

    func outcome(of call: AccountDesk.Call, fleet: String, _ answer: CloudAnswer) throws(CallFailure) -> AccountDesk.Outcome {
        switch call {
        case .create(let order): return .creation(try created(answer, for: order))
        case .list(let place, _): return .page(try listed(answer, fleet: fleet, place: place))
        case .survey: return .places(try surveyed(answer))
        case .notices: return .notices(try noticed(answer))
        case .end:
            try ended(answer)
            return .ended
        }
    }
}
