package import Exchange

extension MarketStore {
    /// Identifiers of each slice's orders in the order in which they were carried out: for an auditor, of a copy.
    package func carriedOut() throws -> [Slice: [[UInt8]]] {
        let rows = try read { database in try database.rows("SELECT slice, id FROM request ORDER BY \(arrival)") }
        return try rows.reduce(into: [:]) { slices, row in slices[try row.slice("slice"), default: []].append(try row.bytes("id")) }
    }

    /// What the throttle went by in each slice, counted again, as far back as orders are kept.
    package func traded() throws -> [Slice: SliceCounts] {
        try read { database in
            let last = Slice(try database.row("SELECT max(slice) AS slice FROM slice_count")?.integerIfAny("slice") ?? 0)
            return try database.rows("SELECT * FROM slice_count WHERE slice >= ?", .slice(last - MarketForgetting.ordersKept)).reduce(into: [:]) { all, row in
                let slice = try row.slice("slice")
                all[slice] = try MarketRows.counts(database, of: slice, MarketRows.counts(row).probed)
            }
        }
    }
}
