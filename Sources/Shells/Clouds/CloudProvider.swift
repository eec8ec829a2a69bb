package import Ambience
internal import CloudCalls
package import Leasing
package import Providers

/// One mote per rented machine of one account.
///
/// A mote's life here: its order is on record (`start`), the account's worker asks for the machine and finds it listed, the mote says of itself what it does (`MoteContact`),
/// drains, and is ended; it counts as there until a whole listing has shown that it is not. Everything returns at once.
package final class CloudProvider: MoteProvider {
    private let name: String
    private let fleet: String
    private let worker: AccountWorker
    private let contact: (any MoteContact)?
    private let userData: @Sendable (Lease, _ order: String?) -> String
    private let time: FleetTime

    /// `userData`: what a machine is told to do first, given what proves it to be the mote.
    package init(
        _ account: CloudAccount, name: String, fleet: String, records: any RentalRecords, contact: (any MoteContact)? = nil, time: FleetTime = FleetTime(),
        userData: @escaping @Sendable (Lease, _ order: String?) -> String
    ) throws(CloudError) {
        (self.name, self.fleet, self.contact, self.time, self.userData) = (name, fleet, contact, time, userData)
        worker = try AccountWorker(account, name: name, fleet: fleet, records: records, time: time)
    }

    deinit { worker.stop() }

    package func observe() -> [MoteKey: Sighting] {
        var sightings = worker.look().sightings
        for key in sightings.keys { sightings[key]?.report = contact?.report(of: key) }
        return sightings
    }

    /// A list that is not whole, or too old to be of now, proves nothing about what is not in it.
    package var blindness: String? {
        let sight = worker.look()
        guard let since = sight.listedSince else { return "not listed yet" + (sight.trouble.map { ": \($0)" } ?? "") }
        let age = time.wall - since
        return age > Self.staleSeconds ? "its last whole list is \(age) s old" + (sight.trouble.map { ": \($0)" } ?? "") : nil
    }

    /// The desk lists a quiet place every five minutes.
    private static let staleSeconds: Int64 = 600

    package var trouble: String? { worker.look().trouble }

    package func start(_ lease: Lease, attempt: Int) throws(ProviderError) {
        do {
            let order = try contact?.admit(lease, attempt: attempt)
            let site = lease.site
            try worker.want(
                MachineOrder(
                    fleet: fleet, key: lease.key, attempt: attempt, place: site.region, zone: site.zone, size: site.size, image: site.image, expires: lease.expires,
                    userData: userData(lease, order)))
        } catch { throw ProviderError("\(error)") }
    }

    package func drain(_ key: MoteKey) { contact?.drain(key) }
    package func shorten(_ key: MoteKey, expires: WallTime) { contact?.shorten(key, expires: expires) }

    /// A mote that hears it ends by itself; its machine is ended by `kill` a few seconds later, for powered off it would go on to cost.
    package func stop(_ key: MoteKey) { if contact?.stop(key) != true { kill(key) } }

    package func kill(_ key: MoteKey) { worker.end(key) }

    /// A machine's end takes everything with it.
    package func erase(_ key: MoteKey) {}
}
