internal import GRDB
internal import Leasing
internal import Prices

/// The hard stop: the ceilings of all motes that may still cost something, and what those cost that are over, never exceed the budget. It is checked in the
/// transaction that makes an intent durable.
extension Store {
    static func checkBudget(_ lease: Lease, _ database: Database) throws {
        guard let ceiling = lease.ceiling, let clouds = try clouds(database) else { return }
        let cap = clouds.budget[ceiling.currency] ?? .zero
        let promised = try promised(ceiling.currency, database)
        guard promised + ceiling.amount <= cap else { throw refusal(ceiling, promised: promised, cap: cap) }
    }

    private static func clouds(_ database: Database) throws -> CloudsPlan? {
        try String.fetchOne(database, sql: "SELECT body FROM cloud").flatMap { try decode(CloudSettings.self, $0).clouds }
    }

    private static func promised(_ currency: Currency, _ database: Database) throws -> Amount {
        let recorded = try Int64.fetchOne(database, sql: "SELECT coalesce(sum(promised), 0) FROM mote WHERE currency = ?", arguments: [currency.rawValue]) ?? 0
        return try spent(database)[currency] + Amount(nanos: recorded)
    }

    private static func refusal(_ ceiling: Money, promised: Amount, cap: Amount) -> CoordinationError {
        CoordinationError(
            .overBudget, "a mote for at most \(ceiling) is not bought: of the budget of \(Money(cap, ceiling.currency)), \(Money(promised, ceiling.currency)) are spent or "
                + "promised; raise it with: dustcloud up --budget")
    }
}
