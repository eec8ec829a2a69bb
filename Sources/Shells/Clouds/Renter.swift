internal import Ambience
package import CloudCalls
internal import Glibc
internal import Leasing

/// Carries rentals out and ends what is overdue. Everything is durable before it is done, so that it may be killed anywhere and run again.
package struct Renter {
    private let account: CloudAccount
    private let book: RentalBook
    private let time = SystemTime()

    package init(_ account: CloudAccount, book: RentalBook) { (self.account, self.book) = (account, book) }

    private var provider: String { account.driver.name }

    // MARK: Rentals

    /// Goes on until the rental is over; `tell` hears what fails meanwhile. While it is certain that no machine was made, it goes on for `patienceSeconds` at
    /// most; where that is in doubt, until it is not. `nil` if somebody else is at it.
    package func settle(_ rental: Rental, patienceSeconds: Int64 = 120, tell: (CallFailure) -> Void) throws(CloudError) -> Rental? {
        try book.alone(with: rental.order) { () throws(CloudError) -> Rental in
            var rental = try book.latest(rental.order) ?? rental
            let end = time.wall + patienceSeconds
            while true {
                let step = rental.step(account.driver.repetition, now: time.wall)
                if step != .over, time.wall >= end { rental.giveUp("no machine was made within \(patienceSeconds) s") }
                switch rental.step(account.driver.repetition, now: time.wall) {
                case .over:
                    try book.save(rental, provider: provider)
                    return rental
                case .wait(let until): sleep(UInt32(clamping: max(1, until - time.wall)))
                case .create: try create(&rental, tell)
                case .look: look(&rental, tell)
                }
            }
        }
    }

    private func create(_ rental: inout Rental, _ tell: (CallFailure) -> Void) throws(CloudError) {
        let isTime = rental.asking(now: time.wall)
        try book.save(rental, provider: provider)
        guard isTime else { return }
        let result = account.create(rental.order)
        if case .failure(let failure) = result { tell(failure) }
        rental.heard(result, now: time.wall)
        try book.save(rental, provider: provider)
    }

    private func look(_ rental: inout Rental, _ tell: (CallFailure) -> Void) {
        let begun = time.wall
        do throws(CallFailure) {
            rental.looked(try account.list(fleet: rental.order.fleet, place: rental.order.place), begun: begun, repetition: account.driver.repetition)
        } catch {
            tell(error)
            sleep(Self.pauseSeconds)
        }
    }

    private static let pauseSeconds: UInt32 = 5

    // MARK: The sweep

    package struct Swept: Sendable {
        package var ended: [(machine: Machine, reason: Sweep.Reason)] = []
        /// What went wrong, and with which machine or place. The next sweep tries again.
        package var failures: [(of: String, why: CallFailure)] = []
        /// Why the book could not be read: what is doubled is then left alone.
        package var damage: CloudError?
    }

    /// Ends what is expired or doubled, in every place that can be looked at, and forgets rentals that are long over. What expired ends by its tags alone.
    package func sweep(fleet: String) throws -> Swept {
        var swept = Swept(), listed: Set<MoteKey> = [], rentals: [Rental]?
        do throws(CloudError) { rentals = try book.rentals(provider: provider) } catch { swept.damage = error }
        for place in try account.places() {
            do throws(CallFailure) {
                let machines = try account.list(fleet: fleet, place: place)
                listed.formUnion(machines.filter(\.isThere).map(\.tags.key))
                end(Sweep.overdue(machines, rentals: rentals ?? [], now: time.wall).filter { mayEnd($0, rentals) }, &swept)
            } catch {
                swept.failures.append((place ?? provider, error))
            }
        }
        for rental in rentals ?? [] where rental.order.fleet == fleet && swept.failures.isEmpty && !listed.contains(rental.order.key) {
            if isForgettable(rental) { try book.remove(rental) }
        }
        return swept
    }

    private func end(_ overdue: [(machine: Machine, reason: Sweep.Reason)], _ swept: inout Swept) {
        for (machine, reason) in overdue {
            switch account.end(machine) {
            case .success: swept.ended.append((machine, reason))
            case .failure(let failure): swept.failures.append((machine.id, failure))
            }
        }
    }

    /// Which of two machines is the second is known from the book only, and not while somebody is renting the first.
    private func mayEnd(_ overdue: (machine: Machine, reason: Sweep.Reason), _ rentals: [Rental]?) -> Bool {
        guard overdue.reason == .doubled else { return true }
        guard let rentals else { return false }
        let own = rentals.filter { $0.order.key == overdue.machine.tags.key }
        return own.allSatisfy { !$0.isInDoubt && (try? book.alone(with: $0.order) { true }) == true }
    }

    /// Long past its expiry, when the slowest list would have shown it, and in no doubt.
    private func isForgettable(_ rental: Rental) -> Bool { !rental.isInDoubt && time.wall - rental.order.expires > Self.memorySeconds }

    private static let memorySeconds: Int64 = 3600
}
