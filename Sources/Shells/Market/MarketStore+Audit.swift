package import Exchange

extension MarketStore {
    /// Identifiers of each slice's orders in the order in which they were carried out: for an auditor, of a copy that is in SQLite.
    package func carriedOut() throws -> [Slice: [[UInt8]]] {
        let rows = try read { database in try database.rows("SELECT slice, id FROM request ORDER BY rowid") }
        return try rows.reduce(into: [:]) { slices, row in slices[try row.slice("slice"), default: []].append(try row.bytes("id")) }
    }
}
