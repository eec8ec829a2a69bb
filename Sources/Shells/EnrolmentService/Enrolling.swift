internal import Ambience
package import Enrolment
internal import Glibc
internal import Loops
package import Sealing

/// A mote's way in, before it is a node: calls the coordinator until it is welcomed, refused, or out of time.
package final class Enrolling {
    package enum Outcome: Equatable, Sendable {
        case welcome(CoordinatorMessage.Welcome)
        /// The secret is used up, or the lease is over: this machine will never be a mote.
        case refused
        /// The lease ended before a coordinator answered.
        case expired
    }

    private let loop = EventLoop()
    private let order: EnrolmentOrder
    private let caller: CoordinatorCaller
    private var outcome: Outcome?

    /// - Parameters:
    ///   - identity: the mote's key of this enrolment; it lives in memory only.
    ///   - trouble: hears each failed try.
    package init(_ order: EnrolmentOrder, _ identity: TLSIdentity, _ evidence: Evidence, trouble: @escaping (String) -> Void) {
        self.order = order
        caller = CoordinatorCaller(loop: loop, order.contact, identity, .order(order, evidence))
        caller.onTrouble = trouble
    }

    package func run() -> Outcome {
        caller.onEvent = { [unowned self] event in
            switch event {
            case .welcome(let welcome): end(.welcome(welcome))
            case .refused: end(.refused)
            case .standing: break
            }
        }
        // Each second, for the wall clock may be set once the machine knows the time.
        let watch = loop.every(.seconds(1)) { [unowned self] in if loop.wall >= order.expires { end(.expired) } }
        loop.soon { [unowned self] in if loop.wall >= order.expires { end(.expired) } else { caller.call() } }
        loop.run()
        watch.cancel()
        return outcome ?? .expired
    }

    private func end(_ outcome: Outcome) {
        guard self.outcome == nil else { return }
        self.outcome = outcome
        caller.hangUp()
        loop.stop()
    }
}
