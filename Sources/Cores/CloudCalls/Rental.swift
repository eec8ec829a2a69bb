package import Ambience

/// One order on its way to one machine: what to do next, given what was asked and what was heard.
///
/// A rental is durable before each create (`asking`), so whoever reads it after a crash knows that a machine may be there. An answer that did not come
/// is never taken for a no: the order is repeated where the provider makes that safe, and looked for where not.
package struct Rental: Equatable, Codable, Sendable {
    package enum Stage: Equatable, Codable, Sendable {
        /// Certain: no machine of this order was made.
        case intended(notBefore: WallTime?)
        /// A create was sent, or was about to be. `isRepeat`: one before it is in doubt too, so that a refusal of this one settles nothing.
        /// `misses`: listings without the machine, begun when it should have been visible.
        case asked(at: WallTime, isRepeat: Bool, notBefore: WallTime, misses: Int = 0)
        /// The provider says that the order's machine exists, not which it is.
        case named(since: WallTime, notBefore: WallTime)
        case made(id: String)
        /// Its machine was made and has ended.
        case spent
        /// No machine will be made of it. What the provider may still have, carries its expiry.
        case failed(String)
    }

    package enum Step: Equatable, Sendable {
        case create
        /// List the fleet's machines in the order's place, all pages, and hand them to `looked`.
        case look
        case wait(until: WallTime)
        case over
    }

    package let order: MachineOrder
    package private(set) var stage = Stage.intended(notBefore: nil)
    /// Creates asked for so far.
    package private(set) var calls = 0

    /// The longest that a call may take, and the longest that a create may wait after `asking` before it is sent.
    package static let callLimitSeconds: Int64 = 30
    private static let longestPauseSeconds: Int64 = 60

    package init(_ order: MachineOrder) { self.order = order }

    package func step(_ repetition: Repetition, now: WallTime) -> Step {
        switch stage {
        case .intended(let notBefore): later(notBefore, now, .create)
        case .asked(_, _, let notBefore, _): later(notBefore, now, isRepeatable(repetition, now) ? .create : .look)
        case .named(_, let notBefore): later(notBefore, now, .look)
        case .made, .spent, .failed: .over
        }
    }

    /// Before a create. `false` if there is no time left for one; the rental is then over.
    package mutating func asking(now: WallTime) -> Bool {
        let isInDoubt = if case .asked = stage { true } else { false }
        guard isInDoubt || now < order.expires else {
            stage = .failed("no time was left")
            return false
        }
        calls += 1
        stage = .asked(at: now, isRepeat: isInDoubt, notBefore: now + pause)
        return true
    }

    /// For a clock that stepped back: nothing was asked later than now.
    mutating func forgetFuture(_ now: WallTime) {
        switch stage {
        case .intended: stage = .intended(notBefore: nil)
        case .asked(let at, let isRepeat, _, let misses) where at > now: stage = .asked(at: now, isRepeat: isRepeat, notBefore: now, misses: misses)
        case .named(let since, _) where since > now: stage = .named(since: now, notBefore: now)
        case .asked, .named, .made, .spent, .failed: break
        }
    }

    /// After a create that was asked for.
    package mutating func heard(_ result: Result<Creation, CallFailure>, now: WallTime) {
        guard case .asked(let at, let isRepeat, _, _) = stage else { return }
        switch result {
        case .success(.made(let id)): stage = .made(id: id)
        case .success(.spent): stage = .spent
        case .success(.exists): stage = .named(since: now, notBefore: now)
        case .failure(let failure):
            let again = now + max(pause, failure.pauseSeconds)
            if isRepeat || failure.isInDoubt {
                stage = .asked(at: at, isRepeat: isRepeat, notBefore: again)
            } else {
                stage = failure.isWorthRepeating ? .intended(notBefore: again) : .failed("\(failure)")
            }
        }
    }

    /// After a listing that was begun at `begun` and is complete: all pages of the order's place.
    package mutating func looked(_ machines: [Machine], begun: WallTime, repetition: Repetition) {
        let ours = machines.filter { $0.tags.key == order.key && $0.tags.attempt == order.attempt }
        if let machine = Sweep.survivor(ours.filter(\.isThere), of: nil) {
            stage = .made(id: machine.id)
        } else if !ours.isEmpty {
            stage = .spent
        } else {
            missed(begun, repetition.visibleWithinSeconds)
        }
    }

    /// The listing did not have it.
    private mutating func missed(_ begun: WallTime, _ visibleSeconds: Int64) {
        switch stage {
        case .asked(let at, let isRepeat, _, let misses):
            let isDue = begun - at > 2 * Self.callLimitSeconds + visibleSeconds
            // Pages shift while machines come and go, so that one listing may skip a machine; two in a row do not.
            stage =
                isDue && misses > 0
                ? .intended(notBefore: nil) : .asked(at: at, isRepeat: isRepeat, notBefore: begun + Self.lookSeconds, misses: isDue ? 1 : 0)
        case .named(let since, _) where begun - since > visibleSeconds: stage = .failed("the provider says that it exists, and does not list it")
        case .named(let since, _): stage = .named(since: since, notBefore: begun + Self.lookSeconds)
        default: break
        }
    }

    private static let lookSeconds: Int64 = 10

    /// Once the order has expired, a repeat could make what should be gone already.
    func isRepeatable(_ repetition: Repetition, _ now: WallTime) -> Bool {
        if case .another = repetition { false } else { now < order.expires }
    }

    private func later(_ notBefore: WallTime?, _ now: WallTime, _ step: Step) -> Step {
        if let notBefore, notBefore > now { .wait(until: notBefore) } else { step }
    }

    /// 1, 2, 4 … seconds after the first, second, third create.
    private var pause: Int64 { min(1 << Int64(min(max(calls - 1, 0), 10)), Self.longestPauseSeconds) }
}

extension Repetition {
    /// After how many seconds at worst a listing has what was made. AWS: back off up to five minutes.
    var visibleWithinSeconds: Int64 { if case .another(let seconds) = self { seconds } else { 300 } }
}

extension CallFailure {
    package var isInDoubt: Bool { if case .unknown = self { true } else { false } }

    var isRefusal: Bool { if case .credentials = self { true } else { false } }

    /// Whether the same order may be granted later.
    var isWorthRepeating: Bool {
        switch self {
        case .later, .unreachable: true
        case .quota, .capacity, .credentials, .invalid, .unknown: false
        }
    }

    var pauseSeconds: Int64 { if case .later(let seconds?) = self { seconds } else { 0 } }
}

/// Which machines must go, given all that are listed.
package enum Sweep {
    package enum Reason: String, Sendable {
        case expired, doubled
    }

    /// Machines past their expiry, and all but one of those with one key and attempt. `rentals` says which of these was recorded.
    package static func overdue(_ machines: [Machine], rentals: [Rental] = [], now: WallTime) -> [(machine: Machine, reason: Reason)] {
        let recorded = Dictionary(rentals.compactMap { rental in rental.machine.map { (Slot(rental.order.tags), $0) } }) { first, _ in first }
        let there = machines.filter(\.isThere)
        let keep = Dictionary(grouping: there) { Slot($0.tags) }.compactMap { slot, group in survivor(group, of: recorded[slot])?.id }
        let kept = Set(keep)
        return there.compactMap { machine in
            if machine.tags.expires <= now { (machine, .expired) } else if !kept.contains(machine.id) { (machine, .doubled) } else { nil }
        }
    }

    /// The recorded one if it is there; else the same one for everybody who asks.
    static func survivor(_ machines: [Machine], of recorded: String?) -> Machine? {
        machines.first { $0.id == recorded } ?? machines.min { ($0.id.utf8.count, $0.id) < ($1.id.utf8.count, $1.id) }
    }

    private struct Slot: Hashable {
        let key: String
        let attempt: Int

        init(_ tags: MachineTags) { (key, attempt) = ("\(tags.key)", tags.attempt) }
    }
}

extension Rental {
    /// Whether there may be a machine of which it is not known which.
    package var isInDoubt: Bool {
        switch stage {
        case .asked, .named: true
        case .intended, .made, .spent, .failed: false
        }
    }

    /// Whether it is certain that no machine of it was made so far.
    var isCertain: Bool { if case .intended = stage { true } else { false } }

    /// Whether a create or a listing may still make a machine of it.
    package var isOpen: Bool { isInDoubt || isCertain }

    /// The machine that was made is listed under another id than was answered.
    mutating func isReally(_ id: String) { if case .made = stage { stage = .made(id: id) } }

    /// A listing has proven that the machine is no more.
    mutating func isGone() { if case .made = stage { stage = .spent } }

    /// Ends an order of which it is certain that no machine was made; changes nothing otherwise.
    package mutating func giveUp(_ why: String) { if case .intended = stage { stage = .failed(why) } }

    /// The machine's id, once it is known.
    package var machine: String? { if case .made(let id) = stage { id } else { nil } }
}
