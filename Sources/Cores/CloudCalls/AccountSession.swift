package import Ambience

/// Makes requests of an account's calls and outcomes of the answers: signs in where the provider wants that, again when it is forgotten there, and signs by the
/// provider's clock when ours is wrong.
package struct AccountSession: Sendable {
    package let driver: any CloudDriver
    private var pass: Pass?
    /// The provider's clock minus ours, as last heard.
    package private(set) var skewSeconds: Int64 = 0
    /// Of the last answer.
    private var notes = CallNotes()

    /// What a smaller difference is may be the way of the answer.
    private static let leastSkewSeconds: Int64 = 5

    package init(_ driver: any CloudDriver) { self.driver = driver }

    /// `send` carries one request and its answer, within `Rental.callLimitSeconds`; it is used up to four times: to sign in, and to ask once more after a refusal
    /// that a new pass or the right time may cure. A refusal did nothing, so that this repeats no create that may have been heard.
    package mutating func perform(
        _ call: AccountDesk.Call, fleet: String, now: () -> WallTime, _ send: (CloudRequest) -> Reply
    ) -> (outcome: AccountDesk.Outcome, notes: CallNotes) {
        let driver = driver
        notes = CallNotes()
        do throws(CallFailure) {
            let request = try driver.request(for: call, fleet: fleet)
            let result = exchange(request, now: now, send) { answer throws(CallFailure) in try driver.outcome(of: call, fleet: fleet, answer) }
            return (try result.get(), notes)
        } catch {
            return (.failed(error), notes)
        }
    }

    /// The same with a driver's request and what its answer is for.
    package mutating func exchange<T>(
        _ request: CloudRequest, now: () -> WallTime, _ send: (CloudRequest) -> Reply, _ read: (CloudAnswer) throws(CallFailure) -> T
    ) -> Result<T, CallFailure> {
        let begun = now(), hadPass = pass != nil, skew = skewSeconds
        let first = once(request, begun, now, send, read)
        guard case .failure(.credentials) = first, hadPass || abs(skewSeconds - skew) >= Self.leastSkewSeconds else { return first }
        pass = nil
        return once(request, begun, now, send, read)
    }

    private mutating func once<T>(
        _ request: CloudRequest, _ begun: WallTime, _ now: () -> WallTime, _ send: (CloudRequest) -> Reply, _ read: (CloudAnswer) throws(CallFailure) -> T
    ) -> Result<T, CallFailure> {
        do throws(CallFailure) {
            try signIn(now, send)
            // `Rental` counts on creates being sent soon.
            guard now() - begun <= Rental.callLimitSeconds else { throw .later(seconds: nil) }
            return .success(try read(try answer(try driver.authorize(request, pass: pass, now: now() + skewSeconds), now, send)))
        } catch {
            return .failure(error)
        }
    }

    private mutating func signIn(_ now: () -> WallTime, _ send: (CloudRequest) -> Reply) throws(CallFailure) {
        if let pass, now() + skewSeconds < pass.expires { return }
        guard let request = driver.signIn() else { return }
        do {
            pass = try driver.signedIn(try answer(request, now, send), now: now() + skewSeconds)
        } catch .unknown(let why) {
            throw .unreachable(why)  // Whatever became of it, nothing was ordered.
        }
    }

    private mutating func answer(_ request: CloudRequest, _ now: () -> WallTime, _ send: (CloudRequest) -> Reply) throws(CallFailure) -> CloudAnswer {
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
