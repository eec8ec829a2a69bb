internal import Ambience
package import CloudCalls
package import Clouds
internal import GRDB

/// Orders at providers, and what is known of each account. An order is on record before anybody is asked: what is not here was never ordered.
extension Store: RentalRecords {
    package func save(_ rental: Rental, account: String) throws(CloudError) {
        try rented { database in
            try database.execute(
                sql: "INSERT OR REPLACE INTO rental (name, account, body) VALUES (?, ?, ?)", arguments: [rental.order.name, account, try Self.encode(rental)])
        }
    }

    package func rentals(account: String) throws(CloudError) -> [Rental] {
        do throws(CoordinationError) {
            return try read { database in
                try String.fetchAll(database, sql: "SELECT body FROM rental WHERE account = ? ORDER BY name", arguments: [account]).map { try Self.decode(Rental.self, $0) }
            }
        } catch { throw CloudError("\(error)") }
    }

    package func remove(_ rental: Rental) throws(CloudError) {
        try rented { database in try database.execute(sql: "DELETE FROM rental WHERE name = ?", arguments: [rental.order.name]) }
    }

    package func save(_ view: AccountView, account: String) throws(CloudError) {
        try rented { database in
            try database.execute(sql: "INSERT OR REPLACE INTO account (name, body) VALUES (?, ?)", arguments: [account, try Self.encode(view)])
        }
    }

    /// What each account's worker last said, by the account's name.
    package func accounts() throws(CoordinationError) -> [String: AccountView] {
        try read { database in
            try Row.fetchAll(database, sql: "SELECT name, body FROM account").reduce(into: [:]) { views, row in
                views[row["name"] as String] = try Self.decode(AccountView.self, row["body"])
            }
        }
    }

    private func rented(_ body: (Database) throws -> Void) throws(CloudError) {
        do throws(CoordinationError) { try write(body) } catch { throw CloudError("\(error)") }
    }
}
