/// Everything in a ledger that its rules speak of, as an auditor reads it.
package struct LedgerRows {
    package var entries: [[UInt8]: [Entry]] = [:]
    package var counts: [KeyID: KeyCount] = [:]
    /// Rows there are for each key.
    package var nullifiers: [KeyID: Int] = [:]
    package var outputs: [KeyID: Int] = [:]
    /// What the books say is in each account; `nil` where nobody keeps such.
    package var balances: [Account: Int64]?
    /// Keys whose rest was burned.
    package var retired: Set<KeyID> = []
    package var listings: [Listing] = []
    package var swaps: [Swap] = []
    package var allowances: [KeyRole: Int64] = [:]
    package var certificates: [Certificate: Bool] = [:]
    /// What part of a slice's shares was sold (`LoadGate`).
    package var loads: [Slice: Int64] = [:]

    package struct Certificate: Hashable, Sendable {
        package let mote: [UInt8]
        package let slice: Slice
        package init(_ mote: [UInt8], _ slice: Slice) { (self.mote, self.slice) = (mote, slice) }
    }

    package init() {}
}

/// The rules that hold in a ledger at all times, each by its number, computed again from the rows.
package struct LedgerAudit {
    let rows: LedgerRows
    let roles: [KeyID: KeyRole]

    /// `roles` has all keys that are in the rows.
    package init(_ rows: LedgerRows, roles: [KeyID: KeyRole]) { (self.rows, self.roles) = (rows, roles) }

    /// What does not hold; empty when all is well.
    package func violations() -> [String] { conservation() + counts() + accounts() + barter() + permits() }

    /// I1: no order makes or loses value, and what is paid in comes in whole packs.
    private func conservation() -> [String] {
        rows.entries.values.flatMap { entries -> [String] in
            let sum = entries.reduce(0) { $0 + $1.delta }, odd = entries.filter { $0.account == .prepaid && $0.delta != -Shape.packValue }
            return (sum != 0 ? ["I1: the entries of one order add up to \(sum)"] : []) + odd.map { "I1: a pack of \(-$0.delta)" }
        }
    }

    /// I2 and I3: no key took in more than it gave out, and the counts are what the rows say.
    private func counts() -> [String] {
        rows.counts.flatMap { key, count -> [String] in
            guard let role = roles[key] else { return ["I2: tokens of an unknown key"] }
            var found = count.redeemed > count.issued ? ["I2: \(role) redeemed \(count.redeemed) of \(count.issued)"] : []
            // What a retired key made and took is forgotten but for the counts.
            guard !rows.retired.contains(key) else { return found }
            if rows.outputs[key, default: 0] != count.issued { found.append("I3: \(role) has \(rows.outputs[key, default: 0]) outputs, not \(count.issued)") }
            if rows.nullifiers[key, default: 0] != count.redeemed {
                found.append("I3: \(role) has \(rows.nullifiers[key, default: 0]) nullifiers, not \(count.redeemed)")
            }
            return found
        }
    }

    /// I1, I4, I5: what the books say of an account is what its entries add up to, and that is what the tokens are worth that claim it.
    private func accounts() -> [String] {
        var balances: [Account: Int64] = [:], claims: [Account: Int64] = [:]
        for entry in rows.entries.values.joined() { balances[entry.account, default: 0] += entry.delta }
        for (key, count) in rows.counts {
            guard let role = roles[key], let account = role.account else { continue }
            claims[account, default: 0] += rows.retired.contains(key) ? 0 : role.value * (count.issued - count.redeemed)
        }
        let ofTokens = Set(claims.keys).union(balances.keys.filter { ![.prepaid, .fees, .burned].contains($0) })
        let kept = rows.balances ?? balances, wrong = Set(kept.keys).union(balances.keys).filter { kept[$0, default: 0] != balances[$0, default: 0] }
        return wrong.map { "I1: the books have \(kept[$0, default: 0]) in \($0), its entries add up to \(balances[$0, default: 0])" }
            + ofTokens.filter { balances[$0, default: 0] != claims[$0, default: 0] }
            .map { "I4/I5: \($0) has \(balances[$0, default: 0]), claimed are \(claims[$0, default: 0])" }
    }

    /// I6: rights only for certified motes, and three access tokens for each.
    private func barter() -> [String] {
        var found: [String] = [], spent: [KeyRole: Int64] = [:], made: [KeyRole: Int64] = [:]
        for (key, count) in rows.counts {
            switch roles[key] {
            case .barter(let bucket, let slice)?:
                spent[.barterAccess(bucket: bucket, day: slice.day), default: 0] += 3 * count.redeemed
                // Once nobody takes a right any more, what it was earned with is forgotten in its time.
                guard !rows.retired.contains(key) else { continue }
                let earned = rows.swaps.filter {
                    $0.bucket == bucket && ($0.first...$0.last).contains(slice - 2) && rows.certificates[.init($0.mote, slice - 2)] == true
                }.reduce(0) { $0 + Int64($1.size.quota) }
                if count.issued > earned { found.append("I6: \(count.issued) rights in bucket \(bucket) for slice \(slice.index), earned were \(earned)") }
            case .barterAccess?: made[roles[key]!] = count.issued
            default: break
            }
        }
        return found + Set(spent.keys).union(made.keys).filter { spent[$0, default: 0] != made[$0, default: 0] }
            .map { "I6: \(made[$0, default: 0]) tokens of \($0), rights for \(spent[$0, default: 0])" }
    }

    /// I7: no more permits than the throttle gave, no more motes than permits, and no slice sold further than motes can serve.
    private func permits() -> [String] {
        let highest = Int64((MoteClass.allCases.map(\.load).max() ?? 1) * Double(LoadGate.whole)), over = rows.loads.filter { $0.value > highest }
        return over.map { "I7: slice \($0.key.index) is sold to \($0.value) parts of \(LoadGate.whole)" } + rows.counts.flatMap { key, count -> [String] in
            guard let role = roles[key], case .permit = role, !rows.retired.contains(key) else { return [] }
            let listed = rows.listings.count { $0.permit == key }
            return (count.issued > rows.allowances[role, default: 0] ? ["I7: \(count.issued) permits of \(role), allowed were \(rows.allowances[role, default: 0])"] : [])
                + (listed > count.issued ? ["I7: \(listed) motes on \(count.issued) permits of \(role)"] : [])
        }
    }
}
