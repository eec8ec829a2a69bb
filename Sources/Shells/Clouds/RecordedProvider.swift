internal import Ambience
internal import CloudCalls
package import Leasing
package import Providers

/// Motes on rented machines as they are on record: for whoever looks while another process is at work, or none. Asks no provider and changes nothing.
package final class RecordedProvider: MoteProvider {
    private let rentals: [Rental]
    private let view: AccountView?
    private let time = SystemTime()

    package init(_ records: any RentalRecords, account: String, view: AccountView?) throws(CloudError) {
        (rentals, self.view) = (try records.rentals(account: account), view)
    }

    package func observe() -> [MoteKey: Sighting] {
        var sightings: [MoteKey: Sighting] = [:]
        for rental in rentals where rental.machine != nil || rental.isInDoubt {
            let address = rental.machine.flatMap { view?.addresses[$0] }
            sightings[rental.order.key] = Sighting(
                instances: rental.machine.map { [$0] } ?? [], place: [rental.order.place, address].compactMap { $0 }.joined(separator: " "), isInDoubt: rental.isInDoubt)
        }
        return sightings
    }

    package var blindness: String? {
        guard let since = view?.listedSince else { return "not listed yet" }
        return "listed \(time.wall - since) s ago"
    }

    package var trouble: String? { view?.trouble }

    package func start(_ lease: Lease, attempt: Int) throws(ProviderError) { throw ProviderError("records start nothing") }
    package func drain(_ key: MoteKey) {}
    package func stop(_ key: MoteKey) {}
    package func kill(_ key: MoteKey) {}
    package func erase(_ key: MoteKey) {}
}
