internal import Ambience
internal import CLinux
package import CloudCalls
internal import Foundation

/// Rentals on disk, one file each, written before a provider is asked: what is in no file was never ordered.
package struct RentalBook: Sendable {
    private let folder: String

    /// Makes nothing yet: looking leaves no trace.
    package init(_ folder: String) { self.folder = folder }

    /// Durable when it returns. Makes the folder where it is missing, for its owner only.
    package func save(_ rental: Rental, provider: String) throws(CloudError) {
        do {
            try Files.makeFolder(folder)
            try Files.replace(path(rental.order), with: Array(try JSONEncoder().encode(Entry(provider: provider, rental: rental))))
        } catch {
            throw CloudError("cannot record a rental: \(error)")
        }
    }

    package func remove(_ rental: Rental) throws(CloudError) {
        do {
            try Files.remove(path(rental.order))
            try Files.remove(lock(rental.order))
        } catch { throw CloudError("\(error)") }
    }

    /// A file that is no rental is an error: it may stand for a machine.
    package func rentals(provider: String) throws(CloudError) -> [Rental] {
        guard Files.exists(folder) else { return [] }
        do {
            return try Files.list(folder).filter { $0.hasSuffix(".json") }.sorted().compactMap { name in
                let entry = try entry(folder + "/" + name)
                return entry.provider == provider ? entry.rental : nil
            }
        } catch { throw CloudError("\(error)") }
    }

    /// As it was last recorded; `nil` if it never was.
    func latest(_ order: MachineOrder) throws(CloudError) -> Rental? {
        guard Files.exists(path(order)) else { return nil }
        return try entry(path(order)).rental
    }

    /// Does what is handed in while nobody else works on the order: two that settle one rental would make two machines of it. `nil` if somebody does.
    /// The system lets go of the lock when its holder ends, however that ends.
    package func alone<T>(with order: MachineOrder, _ work: () throws(CloudError) -> T) throws(CloudError) -> T? {
        do { try Files.makeFolder(folder) } catch { throw CloudError("\(error)") }
        let fd = dc_open(lock(order), O_RDWR | O_CREAT, 0o600)
        guard fd >= 0 else { throw CloudError("cannot open \(lock(order)): \(String(cString: strerror(errno)))") }
        defer { close(fd) }
        guard flock(fd, LOCK_EX | LOCK_NB) == 0 else { return nil }
        return try work()
    }

    private func path(_ order: MachineOrder) -> String { "\(folder)/\(order.name).json" }
    private func lock(_ order: MachineOrder) -> String { "\(folder)/\(order.name).lock" }

    private func entry(_ path: String) throws(CloudError) -> Entry {
        do { return try JSONDecoder().decode(Entry.self, from: Data(try Files.read(path))) } catch { throw CloudError("cannot read the rental in \(path): \(error)") }
    }

    private struct Entry: Codable {
        let provider: String
        let rental: Rental
    }
}
