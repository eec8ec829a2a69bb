package import Exchange

/// Any store, used by a process that can be killed.
package final class KilledStore<Own: LedgerStore>: RehearsedStore {
    package var killAfter: Int?
    private let store: Own
    private let rows: () throws -> LedgerRows

    package init(_ store: Own, rows: @escaping () throws -> LedgerRows) { (self.store, self.rows) = (store, rows) }

    package func allRows() throws -> LedgerRows { try rows() }

    package func transaction<R>(_ body: (inout KilledStatements<Own>) throws -> R) throws -> R {
        let result = try store.transaction { statements in
            var killed = KilledStatements(own: statements, store: self)
            let result = try body(&killed)
            statements = killed.own
            try step()
            return result
        }
        try step()
        return result
    }

    package func inspect<R>(_ body: (inout KilledStatements<Own>) throws -> R) throws -> R {
        try store.inspect { statements in
            var killed = KilledStatements(own: statements, store: self)
            return try body(&killed)
        }
    }

    fileprivate func step() throws {
        guard let left = killAfter else { return }
        killAfter = left > 0 ? left - 1 : nil
        if left <= 0 { throw Killed() }
    }
}

package struct KilledStatements<Own: LedgerStore>: LedgerStatements {
    fileprivate var own: Own.Statements
    fileprivate let store: KilledStore<Own>

    private mutating func after<R>(_ body: (inout Own.Statements) throws -> R) throws -> R {
        try store.step()
        return try body(&own)
    }

    package mutating func outcome(of request: [UInt8]) throws -> Outcome? { try after { try $0.outcome(of: request) } }
    package mutating func insertRequest(_ id: [UInt8], _ shape: Shape, at slice: Slice, _ outcome: Outcome) throws { try after { try $0.insertRequest(id, shape, at: slice, outcome) } }
    package mutating func isSpent(_ key: KeyID, _ nonce: [UInt8]) throws -> Bool { try after { try $0.isSpent(key, nonce) } }
    package mutating func insertNullifier(_ key: KeyID, _ nonce: [UInt8]) throws -> Bool { try after { try $0.insertNullifier(key, nonce) } }
    package mutating func insertOutput(_ key: KeyID, _ digest: [UInt8], of request: [UInt8]) throws -> Bool { try after { try $0.insertOutput(key, digest, of: request) } }
    package mutating func insertEntry(_ request: [UInt8], _ entry: Entry) throws { try after { try $0.insertEntry(request, entry) } }
    package mutating func count(_ key: KeyID) throws -> KeyCount { try after { try $0.count(key) } }
    package mutating func setCount(_ key: KeyID, _ count: KeyCount) throws { try after { try $0.setCount(key, count) } }
    package mutating func listing(_ mote: [UInt8], at slice: Slice) throws -> Listing? { try after { try $0.listing(mote, at: slice) } }
    package mutating func insertListing(_ listing: Listing) throws -> Bool { try after { try $0.insertListing(listing) } }
    package mutating func isUp(_ mote: [UInt8], at slice: Slice) throws -> Bool? { try after { try $0.isUp(mote, at: slice) } }
    package mutating func insertCertificate(_ mote: [UInt8], at slice: Slice, isUp: Bool) throws { try after { try $0.insertCertificate(mote, at: slice, isUp: isUp) } }
    package mutating func swap(_ id: [UInt8]) throws -> Swap? { try after { try $0.swap(id) } }
    package mutating func insertSwap(_ swap: Swap) throws { try after { try $0.insertSwap(swap) } }
    package mutating func swapID(of mote: [UInt8], from first: Slice, to last: Slice) throws -> [UInt8]? { try after { try $0.swapID(of: mote, from: first, to: last) } }
    package mutating func shares(at slice: Slice) throws -> [UInt8: Int64] { try after { try $0.shares(at: slice) } }
    package mutating func allowance(_ start: Slice, _ size: MoteClass, isStaked: Bool) throws -> Int64 { try after { try $0.allowance(start, size, isStaked: isStaked) } }
    package mutating func setAllowance(_ start: Slice, _ size: MoteClass, isStaked: Bool, _ count: Int64) throws {
        try after { try $0.setAllowance(start, size, isStaked: isStaked, count) }
    }
    package mutating func classes(from first: Slice, to last: Slice) throws -> [Slice: [MoteClass: Int64]] { try after { try $0.classes(from: first, to: last) } }
    package mutating func loads(from first: Slice, to last: Slice) throws -> [Slice: Int64] { try after { try $0.loads(from: first, to: last) } }
    package mutating func addLoad(_ parts: Int64, at slice: Slice) throws { try after { try $0.addLoad(parts, at: slice) } }
    package mutating func forgetTokens(of key: KeyID) throws { try after { try $0.forgetTokens(of: key) } }
}
