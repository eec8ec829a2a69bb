extension MarketAudit {
    // MARK: what reports say of other things

    mutating func checkReports() {
        let logged = Set(leaves.filter { $0.kind == .orders }.map(\.number))
        for report in reports {
            if report.origin != terms.origin { find(.reports, report.slice, "is of another exchange") }
            if let record = published.beacons[report.slice], record.seal != report.seal { find(.reports, report.slice, "tells of other orders than were sealed") }
            for hidden in report.hidden where hidden.isHeld != (hidden.set < rules.leastSet) {
                find(.sets, report.slice, "\(hidden.orders) orders of shape \(hidden.shape) were \(hidden.isHeld ? "held" : "carried out") in a set of \(hidden.set)")
            }
        }
        for (first, second) in zip(reports, reports.dropFirst()) {
            for number in logged where number > first.slice.index && number < second.slice.index { find(.reports, Slice(number), "has orders and no report") }
        }
    }

    // MARK: value

    /// I1, I2, I4, I5 and I6, report by report.
    mutating func checkValue() {
        var counts: [KeyRole: KeyCount] = [:]
        for report in reports {
            for (role, count) in report.counts {
                let before = counts[role] ?? KeyCount()
                if count.redeemed > count.issued { find(.value, report.slice, "\(role) took in \(count.redeemed) of \(count.issued) tokens") }
                if count.issued < before.issued || count.redeemed < before.redeemed { find(.value, report.slice, "counts of \(role) became smaller") }
                if tables.first(where: { $0.table.span == KeyTable.Span(role) })?.table.keys.contains(where: { $0.role == role }) != true {
                    find(.value, report.slice, "tokens were made of \(role), for which no key was published")
                }
                counts[role] = count
            }
            checkAccounts(report, counts)
            checkRights(report, counts)
        }
    }

    private mutating func checkAccounts(_ report: EpochReport, _ counts: [KeyRole: KeyCount]) {
        let sum = report.accounts.values.reduce(0, +)
        if sum != 0 { find(.value, report.slice, "the accounts add up to \(sum)") }
        var claims: [Account: Int64] = [:]
        for (role, count) in counts where role.forgotten > report.slice {
            if let account = role.account { claims[account, default: 0] += role.value * (count.issued - count.redeemed) }
        }
        let ofTokens = Set(claims.keys).union(report.accounts.keys.filter { ![.prepaid, .fees, .burned].contains($0) })
        for account in ofTokens.sorted(by: { "\($0)" < "\($1)" }) where report.accounts[account, default: 0] != claims[account, default: 0] {
            find(.value, report.slice, "\(account) has \(report.accounts[account, default: 0]), and its tokens are worth \(claims[account, default: 0])")
        }
    }

    /// Rights only for motes that witnesses saw up, and three access tokens for each that was used.
    private mutating func checkRights(_ report: EpochReport, _ counts: [KeyRole: KeyCount]) {
        let newest = reports.last?.slice ?? report.slice
        for (role, count) in report.counts {
            switch role {
            // Verdicts of long ago are not to be had any more.
            case .barter(_, let slice) where slice < newest - EpochReport.List.certs.slicesKept: break
            case .barter(let bucket, let slice):
                let earned = published.swaps.reduce(0) { $0 + $1.value.filter { $0.bucket == bucket }.reduce(0) { $0 + quota($1, at: slice - 2, since: $1.request.first) } }
                if count.issued > earned { find(.earnings, report.slice, "\(count.issued) rights in bucket \(bucket) for slice \(slice.index), earned were \(earned)") }
            case .barterAccess(let bucket, let day):
                let used = counts.filter { if case .barter(bucket, let slice) = $0.key { slice.day == day } else { false } }.reduce(0) { $0 + $1.value.redeemed }
                if count.issued != 3 * used { find(.earnings, report.slice, "\(count.issued) tokens for bucket \(bucket) on day \(day), for \(used) rights") }
            default: break
            }
        }
    }

    private func quota(_ swap: SwapResult, at served: Slice, since: Slice) -> Int64 {
        guard (since...swap.request.last).contains(served), wasUp(swap.request.mote, served) else { return 0 }
        let size = published.offers.values.lazy.joined().first { $0.mote == swap.request.mote }?.size
        return Int64(size?.quota ?? 0)
    }

    // MARK: a copy of the ledger

    /// What a copy of the ledger shows beside what is published: its own rules, and that it is the one that the last report tells of.
    ///
    /// - Parameters:
    ///   - carriedOut: identifiers of a slice's orders, in the order in which the ledger has them.
    ///   - traded: what was deposited, sold and wanted in a slice, counted again.
    package static func findings(
        _ rows: LedgerRows, carriedOut: [Slice: [[UInt8]]], traded: [Slice: SliceCounts] = [:], _ published: Published, _ terms: MarketTerms
    ) -> [Finding] {
        var audit = MarketAudit(published, terms), counts: [KeyRole: KeyCount] = [:]
        let roles = Dictionary(audit.tables.flatMap(\.table.keys).map { ($0.id, $0.role) }) { first, _ in first }
        // Keys from before the exchange began were never used, and have a row all the same.
        var rows = rows
        rows.counts = rows.counts.filter { $0.value != KeyCount() || roles[$0.key] != nil }
        for violation in LedgerAudit(rows, roles: roles).violations() { audit.find(.ledger, nil, violation) }
        for report in audit.reports { counts.merge(report.counts) { $1 } }
        for (key, count) in rows.counts {
            guard let role = roles[key], let said = counts[role] else { continue }
            if count.issued < said.issued || count.redeemed < said.redeemed { audit.find(.ledger, nil, "the ledger has fewer tokens of \(role) than were reported") }
        }
        for (slice, ids) in carriedOut {
            guard let record = published.beacons[slice], let sealed = published.identifiers[slice] else { continue }
            let turn = Dictionary(uniqueKeysWithValues: Beacon.order(Array(Set(sealed)), record.value).enumerated().map { ($1, $0) })
            let turns = ids.compactMap { turn[$0] }
            if turns != turns.sorted() { audit.find(.ledger, slice, "orders were carried out in another order than the beacon's") }
        }
        for (slice, said) in audit.reports.flatMap(\.throttle) {
            guard let own = traded[slice], (own.deposited, own.sold, own.wanted) != (said.counts.deposited, said.counts.sold, said.counts.wanted) else { continue }
            audit.find(.ledger, slice, "the ledger has \(own.deposited) deposits, \(own.sold) tokens sold and \(own.wanted) permits wanted; the throttle reckoned with others")
        }
        return audit.findings
    }
}
