package import Exchange

/// The process was killed between two statements.
package struct Killed: Error {
    package init() {}
}

/// A ledger's store in which a history can see everything, and kill its process.
package protocol RehearsedStore: LedgerStore, AnyObject {
    /// Statements until the process is killed; a commit is two of them, before and after.
    var killAfter: Int? { get set }
    func allRows() throws -> LedgerRows
}

extension RehearsedStore {
    /// What there is, to be compared.
    package var snapshot: Snapshot {
        guard let rows = try? allRows() else { preconditionFailure("the store cannot be read") }
        return Snapshot(rows)
    }
}

/// All that is in a ledger.
package struct Snapshot: Equatable {
    let entries: [[UInt8]: [Entry]]
    let counts: [KeyID: KeyCount]
    let nullifiers: [KeyID: Int]
    let outputs: [KeyID: Int]
    let retired: Set<KeyID>
    let listings: [Listing]
    let swaps: [Swap]
    let certificates: [LedgerRows.Certificate: Bool]
    let allowances: [KeyRole: Int64]
    let loads: [Slice: Int64]

    init(_ rows: LedgerRows) {
        (entries, counts, retired, listings, loads) = (rows.entries, rows.counts, rows.retired, rows.listings, rows.loads)
        (swaps, certificates, allowances) = (rows.swaps, rows.certificates, rows.allowances)
        (nullifiers, outputs) = (rows.nullifiers.filter { $0.value != 0 }, rows.outputs.filter { $0.value != 0 })
    }
}

/// A store that forgets what was not committed, and dies when it is told to.
package final class MemoryStore: RehearsedStore {
    package var rows = LedgerRows()
    var nullifiers: Set<Pair> = []
    var outputs: Set<Pair> = []
    var outcomes: [[UInt8]: Outcome] = [:]
    package var killAfter: Int?
    /// Transactions that were begun, not counting what only reads.
    package private(set) var transactions = 0

    struct Pair: Hashable {
        let key: KeyID
        let value: [UInt8]
    }

    package init() {}

    /// Orders that were carried out.
    package var requests: Int { outcomes.count }

    package func allRows() -> LedgerRows { rows }

    /// What takes everything back to how it is now.
    package func backup() -> () -> Void {
        let (rows, nullifiers, outputs, outcomes) = (rows, nullifiers, outputs, outcomes)
        return { [self] in (self.rows, self.nullifiers, self.outputs, self.outcomes) = (rows, nullifiers, outputs, outcomes) }
    }

    func step() throws {
        guard let left = killAfter else { return }
        killAfter = left - 1
        if left <= 0 {
            killAfter = nil
            throw Killed()
        }
    }

    package func inspect<R>(_ body: (inout MemoryStatements) throws -> R) throws -> R {
        var statements = MemoryStatements(store: self)
        let result = try body(&statements)
        precondition(statements.undo.isEmpty, "wrote where it may only read")
        return result
    }

    /// What a transaction did is undone unless it is committed.
    package func transaction<R>(_ body: (inout MemoryStatements) throws -> R) throws -> R {
        var statements = MemoryStatements(store: self)
        transactions += 1
        do {
            let result = try body(&statements)
            try step()
            statements.undo = []
            try step()
            return result
        } catch {
            for undo in statements.undo.reversed() { undo(self) }
            throw error
        }
    }
}

package struct MemoryStatements: LedgerStatements {
    let store: MemoryStore
    var undo: [(MemoryStore) -> Void] = []

    package mutating func outcome(of request: [UInt8]) throws -> Outcome? {
        try store.step()
        return store.outcomes[request]
    }

    package mutating func insertRequest(_ id: [UInt8], _ shape: Shape, at slice: Slice, _ outcome: Outcome) throws {
        try store.step()
        precondition(store.outcomes[id] == nil, "the request is there already")
        store.outcomes[id] = outcome
        undo.append { $0.outcomes[id] = nil }
    }

    package mutating func isSpent(_ key: KeyID, _ nonce: [UInt8]) throws -> Bool {
        try store.step()
        return store.nullifiers.contains(.init(key: key, value: nonce))
    }

    package mutating func insertNullifier(_ key: KeyID, _ nonce: [UInt8]) throws -> Bool {
        try store.step()
        let pair = MemoryStore.Pair(key: key, value: nonce)
        guard store.nullifiers.insert(pair).inserted else { return false }
        store.rows.nullifiers[key, default: 0] += 1
        undo.append {
            $0.nullifiers.remove(pair)
            $0.rows.nullifiers[key, default: 0] -= 1
        }
        return true
    }

    package mutating func insertOutput(_ key: KeyID, _ digest: [UInt8], of request: [UInt8]) throws -> Bool {
        try store.step()
        let pair = MemoryStore.Pair(key: key, value: digest)
        guard store.outputs.insert(pair).inserted else { return false }
        store.rows.outputs[key, default: 0] += 1
        undo.append {
            $0.outputs.remove(pair)
            $0.rows.outputs[key, default: 0] -= 1
        }
        return true
    }

    package mutating func insertEntry(_ request: [UInt8], _ entry: Entry) throws {
        try store.step()
        store.rows.entries[request, default: []].append(entry)
        undo.append {
            $0.rows.entries[request]?.removeLast()
            if $0.rows.entries[request]?.isEmpty == true { $0.rows.entries[request] = nil }
        }
    }

    package mutating func count(_ key: KeyID) throws -> KeyCount {
        try store.step()
        return store.rows.counts[key] ?? KeyCount()
    }

    package mutating func setCount(_ key: KeyID, _ count: KeyCount) throws {
        try store.step()
        let old = store.rows.counts[key]
        store.rows.counts[key] = count
        undo.append { $0.rows.counts[key] = old }
    }

    package mutating func listing(_ mote: [UInt8], at slice: Slice) throws -> Listing? {
        try store.step()
        return store.rows.listings.first { $0.mote == mote && ($0.first...$0.last).contains(slice) }
    }

    package mutating func insertListing(_ listing: Listing) throws -> Bool {
        try store.step()
        guard !store.rows.listings.contains(where: { $0.mote == listing.mote && $0.first <= listing.last && listing.first <= $0.last }) else { return false }
        store.rows.listings.append(listing)
        undo.append { $0.rows.listings.removeLast() }
        return true
    }

    package mutating func isUp(_ mote: [UInt8], at slice: Slice) throws -> Bool? {
        try store.step()
        return store.rows.certificates[.init(mote, slice)]
    }

    package mutating func insertCertificate(_ mote: [UInt8], at slice: Slice, isUp: Bool) throws {
        try store.step()
        store.rows.certificates[.init(mote, slice)] = isUp
        undo.append { $0.rows.certificates[.init(mote, slice)] = nil }
    }

    package mutating func swap(_ id: [UInt8]) throws -> Swap? {
        try store.step()
        return store.rows.swaps.first { $0.id == id }
    }

    package mutating func insertSwap(_ swap: Swap) throws {
        try store.step()
        guard !store.rows.swaps.contains(where: { $0.id == swap.id }) else { return }
        store.rows.swaps.append(swap)
        undo.append { $0.rows.swaps.removeLast() }
    }

    package mutating func swapID(of mote: [UInt8], from first: Slice, to last: Slice) throws -> [UInt8]? {
        try store.step()
        return store.rows.swaps.first { $0.mote == mote && $0.first <= last && first <= $0.last }?.id
    }

    package mutating func shares(at slice: Slice) throws -> [UInt8: Int64] {
        try store.step()
        return Dictionary(store.rows.listings.filter { ($0.first...$0.last).contains(slice) }.map { ($0.bucket, $0.size.shares) }, uniquingKeysWith: +)
    }

    package mutating func allowance(_ start: Slice, _ size: MoteClass, isStaked: Bool) throws -> Int64 {
        try store.step()
        return store.rows.allowances[.permit(start, size, isStaked: isStaked)] ?? 0
    }

    package mutating func setAllowance(_ start: Slice, _ size: MoteClass, isStaked: Bool, _ count: Int64) throws {
        try store.step()
        let old = store.rows.allowances[.permit(start, size, isStaked: isStaked)]
        store.rows.allowances[.permit(start, size, isStaked: isStaked)] = count
        undo.append { $0.rows.allowances[.permit(start, size, isStaked: isStaked)] = old }
    }

    package mutating func classes(from first: Slice, to last: Slice) throws -> [Slice: [MoteClass: Int64]] {
        try store.step()
        var shares: [Slice: [MoteClass: Int64]] = [:]
        for listing in store.rows.listings where listing.last >= first && listing.first <= last {
            for slice in max(first, listing.first)...min(last, listing.last) { shares[slice, default: [:]][listing.size, default: 0] += listing.size.shares }
        }
        return shares
    }

    package mutating func loads(from first: Slice, to last: Slice) throws -> [Slice: Int64] {
        try store.step()
        return store.rows.loads.filter { (first...last).contains($0.key) }
    }

    package mutating func addLoad(_ parts: Int64, at slice: Slice) throws {
        try store.step()
        let old = store.rows.loads[slice]
        store.rows.loads[slice, default: 0] += parts
        undo.append { $0.rows.loads[slice] = old }
    }

    package mutating func forgetTokens(of key: KeyID) throws {
        try store.step()
        let spent = store.nullifiers.filter { $0.key == key }, made = store.outputs.filter { $0.key == key }
        let counts = (store.rows.nullifiers[key], store.rows.outputs[key])
        store.nullifiers.subtract(spent)
        store.outputs.subtract(made)
        (store.rows.nullifiers[key], store.rows.outputs[key]) = (nil, nil)
        store.rows.retired.insert(key)
        undo.append {
            $0.nullifiers.formUnion(spent)
            $0.outputs.formUnion(made)
            ($0.rows.nullifiers[key], $0.rows.outputs[key]) = counts
            $0.rows.retired.remove(key)
        }
    }
}
