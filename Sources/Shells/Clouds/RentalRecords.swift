package import Ambience
package import CloudCalls

/// The durable record of what was ordered. When a call returns, what it wrote survives a power cut; what is in no record was never ordered.
package protocol RentalRecords: Sendable {
    func save(_ rental: Rental, account: String) throws(CloudError)
    func rentals(account: String) throws(CloudError) -> [Rental]
    func remove(_ rental: Rental) throws(CloudError)
    /// For people who look while another process is at work.
    func save(_ view: AccountView, account: String) throws(CloudError)
}

/// An account at one moment, as its worker sees it.
package struct AccountView: Equatable, Codable, Sendable {
    /// When the oldest of the last whole listings was begun; `nil` before every place was listed once.
    package var listedSince: WallTime?
    /// What the last failure was, if no call has gone well since.
    package var trouble: String?
    /// Addresses of machines, by their ids.
    package var addresses: [String: String] = [:]
    /// Machines of the fleet that no order explains.
    package var unknown: [String] = []

    package init() {}
}
