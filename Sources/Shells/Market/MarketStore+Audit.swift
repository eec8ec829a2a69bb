package import Exchange

extension MarketStore {
    /// Identifiers of each slice's orders in the order in which they were carried out: for an auditor, of a copy.
    package func carriedOut() throws -> [Slice: [[UInt8]]] {
        let rows = try read { database in try database.rows("SELECT slice, id FROM request ORDER BY \(arrival)") }
        return try rows.reduce(into: [:]) { slices, row in slices[try row.slice("slice"), default: []].append(try row.bytes("id")) }
    }

    /// What the throttle went by in each slice, counted again.
    package func traded() throws -> [Slice: SliceCounts] {
        try read { database in
            try database.rows("SELECT * FROM slice_count").reduce(into: [:]) { all, row in
                let slice = try row.slice("slice")
                all[slice] = try MarketRows.counts(database, of: slice, MarketRows.counts(row).probed)
            }
        }
    }
}
