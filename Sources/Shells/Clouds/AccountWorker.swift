internal import Ambience
internal import CloudCalls
internal import Foundation
internal import Leasing
internal import Synchronization

/// Makes an account's calls, one after the other, on a thread of its own, as its desk says. Whoever asks for something never waits for a provider.
///
/// What a create is for is on record before the call leaves: if the record cannot be made, nothing is ordered. Ends need no record and go on.
final class AccountWorker: Sendable {
    private let account: CloudAccount
    private let name: String
    private let fleet: String
    private let records: any RentalRecords
    private let state: Mutex<State>
    private let bell = DispatchSemaphore(value: 0)
    private let time: FleetTime

    fileprivate struct State {
        var desk: AccountDesk
        /// Why the last attempt of a mote came to nothing.
        var refusals: [MoteKey: Refusal] = [:]
        /// To be saved again: the disk had no room.
        var unsaved: [String: Rental] = [:]
        var troubles: [String: String] = [:]
        var view = AccountView()
        var viewSaved: WallTime?
        var isOver = false
    }

    /// Reads what is on record: orders of a process that ended, however it ended, are gone on with.
    init(_ account: CloudAccount, name: String, fleet: String, records: any RentalRecords, time: FleetTime) throws(CloudError) {
        (self.account, self.name, self.fleet, self.records, self.time) = (account, name, fleet, records, time)
        let rentals = try records.rentals(account: name)
        state = Mutex(State(desk: AccountDesk(account.driver.traits, fleet: fleet, rentals: rentals, seed: .random(in: 0 ... .max))))
        let thread = Thread { [self] in work() }
        thread.name = name
        thread.start()
    }

    // MARK: For the coordinator

    /// Durable when it returns.
    func want(_ order: MachineOrder) throws(CloudError) {
        try records.save(Rental(order), account: name)
        let isTaken = state.withLock { state in
            state.refusals[order.key] = nil
            return state.desk.want(order, now: time.wall)
        }
        bell.signal()
        if !isTaken { throw CloudError("\(name): no more than \(AccountDesk.ordersLimit) orders, and none that has expired") }
    }

    func end(_ key: MoteKey) {
        state.withLock { $0.desk.end(key, now: time.wall) }
        bell.signal()
    }

    struct Sight {
        var sightings: [MoteKey: Sighting] = [:]
        /// Since when everything was seen; `nil` if something never was.
        var listedSince: WallTime?
        var trouble: String?
    }

    func look() -> Sight {
        state.withLock { state in
            var sight = Sight(sightings: state.desk.sightings, listedSince: state.desk.listedSince, trouble: state.trouble)
            for (key, refusal) in state.refusals { sight.sightings[key, default: Sighting()].refusal = refusal }
            return sight
        }
    }

    /// Takes no further call.
    func stop() {
        state.withLock { $0.isOver = true }
        bell.signal()
    }

    // MARK: The thread

    private func work() {
        var session = account.session()
        while let step = state.withLock({ $0.isOver ? nil : $0.desk.next(now: time.wall) }) {
            switch step {
            case .wait(let until):
                note()
                _ = bell.wait(timeout: .now() + .seconds(Int(clamping: max(1, min(until - time.wall, Self.longestNapSeconds)))))
            case .call(let call, let rental): make(call, saving: rental, &session)
            }
        }
    }

    private static let longestNapSeconds: Int64 = 30

    private func make(_ call: AccountDesk.Call, saving rental: Rental?, _ session: inout AccountSession) {
        var outcome: AccountDesk.Outcome, notes = CallNotes(), unrecorded: String?
        do throws(CloudError) {
            if let rental { try records.save(rental, account: name) }
            (outcome, notes) = account.perform(call, fleet: fleet, &session)
        } catch { (outcome, unrecorded) = (.failed(.unreachable("\(error)")), "\(error)") }
        time.heard(notes.skewSeconds, from: name)
        let now = time.wall
        state.withLock { state in
            if rental != nil { state.troubles["record"] = unrecorded }
            state.troubles[call.verb] = if unrecorded == nil, case .failed(let failure) = outcome { "\(failure)" } else { nil }
            state.desk.heard(outcome, notes, now: now)
        }
        note()
    }

    /// Writes down what changed.
    private func note() {
        let (events, unsaved) = state.withLock { state in (state.desk.takeEvents(), state.unsaved) }
        var left: [String: Rental] = [:]
        for rental in unsaved.values { if !keep(rental) { left[rental.order.name] = rental } }
        for event in events {
            switch event {
            case .changed(let rental): if keep(rental) { left[rental.order.name] = nil } else { left[rental.order.name] = rental }
            case .forgotten(let rental):
                try? records.remove(rental)
                state.withLock { $0.refusals[rental.order.key] = nil }
            case .refused(let order, let failure): state.withLock { $0.refusals[order.key] = Refusal(failure) }
            default: break
            }
        }
        state.withLock { $0.unsaved = left }
        show()
    }

    private func keep(_ rental: Rental) -> Bool { (try? records.save(rental, account: name)) != nil }

    /// For those who look from outside: when something is new, and every few seconds at most.
    private func show() {
        let now = time.wall
        let view: AccountView? = state.withLock { state in
            let view = AccountView(state.desk, trouble: state.trouble)
            guard view != state.view, state.viewSaved.map({ now - $0 >= Self.viewSeconds }) ?? true else { return nil }
            (state.view, state.viewSaved) = (view, now)
            return view
        }
        if let view { try? records.save(view, account: name) }
    }

    private static let viewSeconds: Int64 = 3
}

extension AccountWorker.State {
    /// Whatever is wrong now, the record first: without it nothing is ordered.
    fileprivate var trouble: String? { troubles["record"] ?? troubles.min { $0.key < $1.key }.map { "cannot \($0.key): \($0.value)" } }
}

extension AccountDesk.Call {
    /// What is tried, in a word.
    fileprivate var verb: String {
        switch self {
        case .survey: "ask which regions there are"
        case .create: "order a machine"
        case .list: "list machines"
        case .notices: "ask for notices"
        case .end: "end a machine"
        }
    }
}

extension Refusal {
    fileprivate init(_ failure: CallFailure) {
        self =
            switch failure {
            case .capacity: .capacity
            case .quota: .quota
            case .credentials: .credentials
            case .later, .unreachable, .invalid, .unknown: .invalid
            }
    }
}

extension AccountView {
    fileprivate init(_ desk: AccountDesk, trouble: String?) {
        (listedSince, self.trouble) = (desk.listedSince, trouble)
        for machine in desk.standings.flatMap(\.machines) { addresses[machine.id] = machine.address }
        unknown = desk.unknown.map(\.id).sorted()
    }
}
