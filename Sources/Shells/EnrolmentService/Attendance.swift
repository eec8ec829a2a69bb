package import Ambience
package import Enrolment
package import Leasing
package import Loops
package import Sealing

/// A mote that was welcomed keeps in touch: says every second how it goes and does as it is told. A coordinator that is gone, even for hours, changes
/// nothing: the mote goes on until its expiry and calls from time to time.
package final class Attendance {
    private static let reportSpan = Instant.Span.seconds(1)

    private let caller: CoordinatorCaller
    private let report: () -> (MoteReport, RelayNames?)
    private let obey: (StandingOrder) -> Void
    private var last: StandingOrder
    private var isEstranged = false

    /// - Parameters:
    ///   - report: how the mote is now.
    ///   - obey: hears of every change of what is wanted.
    ///   - trouble: hears when the coordinator is lost, and when it is back (nil).
    package init(
        loop: EventLoop, _ contact: EnrolmentOrder.Contact, _ identity: TLSIdentity, expires: WallTime, report: @escaping () -> (MoteReport, RelayNames?),
        obey: @escaping (StandingOrder) -> Void, trouble: @escaping (String?) -> Void
    ) {
        self.report = report
        self.obey = obey
        last = StandingOrder(.nothing, expires: expires)
        caller = CoordinatorCaller(loop: loop, contact, identity, .welcomed(contact.mote))
        caller.onEvent = { [unowned self] in heard($0, trouble) }
        caller.onTrouble = { [unowned self] why in
            if !isEstranged { trouble(why) }
            isEstranged = true
        }
        loop.every(Self.reportSpan) { [weak self] in self?.tell() }
        loop.soon { [weak self] in self?.caller.call() }
    }

    private func tell() {
        guard caller.isKnown else { return }
        let (state, names) = report()
        caller.report(state, names)
    }

    private func heard(_ event: MoteSession.Event, _ trouble: (String?) -> Void) {
        guard case .standing(var order) = event else { return }
        if isEstranged { trouble(nil) }
        isEstranged = false
        order.expires = min(order.expires, last.expires)
        guard order != last else { return }
        last = order
        obey(order)
    }
}
