import Exchange
import Foundation
import Market
import MarketHistories
import Synchronization
import Testing

/// The ledger's database with a process that can be killed.
private final class RehearsedMarketStore: RehearsedStore {
    var killAfter: Int?
    private let store: MarketStore

    init(_ store: MarketStore) { self.store = store }

    func allRows() throws -> LedgerRows { try store.rows() }

    func transaction<R>(_ body: (inout RehearsedStatements) throws -> R) throws -> R {
        let result = try store.transaction { statements in
            var rehearsed = RehearsedStatements(own: statements, store: self)
            let result = try body(&rehearsed)
            try step()
            return result
        }
        try step()
        return result
    }

    func step() throws {
        guard let left = killAfter else { return }
        killAfter = left > 0 ? left - 1 : nil
        if left <= 0 { throw Killed() }
    }
}

private struct RehearsedStatements: LedgerStatements {
    var own: MarketStatements
    let store: RehearsedMarketStore

    private mutating func after<R>(_ body: (inout MarketStatements) throws -> R) throws -> R {
        try store.step()
        return try body(&own)
    }

    mutating func outcome(of request: [UInt8]) throws -> Outcome? { try after { try $0.outcome(of: request) } }
    mutating func insertRequest(_ id: [UInt8], _ shape: Shape, at slice: Slice, _ outcome: Outcome) throws { try after { try $0.insertRequest(id, shape, at: slice, outcome) } }
    mutating func isSpent(_ key: KeyID, _ nonce: [UInt8]) throws -> Bool { try after { try $0.isSpent(key, nonce) } }
    mutating func insertNullifier(_ key: KeyID, _ nonce: [UInt8]) throws -> Bool { try after { try $0.insertNullifier(key, nonce) } }
    mutating func insertOutput(_ key: KeyID, _ digest: [UInt8], of request: [UInt8]) throws -> Bool { try after { try $0.insertOutput(key, digest, of: request) } }
    mutating func insertEntry(_ request: [UInt8], _ entry: Entry) throws { try after { try $0.insertEntry(request, entry) } }
    mutating func count(_ key: KeyID) throws -> KeyCount { try after { try $0.count(key) } }
    mutating func setCount(_ key: KeyID, _ count: KeyCount) throws { try after { try $0.setCount(key, count) } }
    mutating func listing(_ mote: [UInt8], at slice: Slice) throws -> Listing? { try after { try $0.listing(mote, at: slice) } }
    mutating func insertListing(_ listing: Listing) throws -> Bool { try after { try $0.insertListing(listing) } }
    mutating func isUp(_ mote: [UInt8], at slice: Slice) throws -> Bool? { try after { try $0.isUp(mote, at: slice) } }
    mutating func insertCertificate(_ mote: [UInt8], at slice: Slice, isUp: Bool) throws { try after { try $0.insertCertificate(mote, at: slice, isUp: isUp) } }
    mutating func swap(_ id: [UInt8]) throws -> Swap? { try after { try $0.swap(id) } }
    mutating func insertSwap(_ swap: Swap) throws { try after { try $0.insertSwap(swap) } }
    mutating func allowance(_ start: Slice, _ size: MoteClass, isStaked: Bool) throws -> Int64 { try after { try $0.allowance(start, size, isStaked: isStaked) } }
    mutating func setAllowance(_ start: Slice, _ size: MoteClass, isStaked: Bool, _ count: Int64) throws {
        try after { try $0.setAllowance(start, size, isStaked: isStaked, count) }
    }
    mutating func forgetNullifiers(of key: KeyID) throws { try after { try $0.forgetNullifiers(of: key) } }
}

@Suite("The ledger's database")
struct MarketStoreTests {
    private static func temporary() throws -> String {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("dustcloud-market-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder.path
    }

    @Test("what holds in memory holds in the database, at every kill", arguments: 0..<4 as Range<UInt64>)
    func histories(seed: UInt64) throws {
        let folder = try Self.temporary()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let store = RehearsedMarketStore(try MarketStore(path: folder + "/market.sqlite"))
        var history = History(seed: 1000 + seed, store: store)
        history.run(steps: 40)
        #expect(history.complaints.isEmpty, "seed \(seed): \(history.complaints.first ?? "")")
        #expect(history.carriedOut > 5)
    }

    @Test("of many who spend the same token at the same time through processes of their own, one succeeds")
    func doubleSpend() throws {
        let folder = try Self.temporary()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/market.sqlite", rounds = 20, clients = 8
        let role = KeyRole.credit(.four, week: 2800), key = KeyID(role, publicKey: [1])
        _ = try MarketStore(path: path)
        let won = Mutex([Int](repeating: 0, count: rounds)), failed = Mutex(0)
        DispatchQueue.concurrentPerform(iterations: clients) { client in
            guard let store = try? MarketStore(path: path) else { return failed.withLock { $0 += 1 } }
            for round in 0..<rounds {
                do {
                    let isFirst = try store.transaction { statements in
                        guard try statements.insertNullifier(key, [UInt8(round)]) else { return false }
                        try statements.insertEntry([UInt8(client)], Entry(.credit(week: 2800), -4))
                        return true
                    }
                    if isFirst { won.withLock { $0[round] += 1 } }
                } catch { failed.withLock { $0 += 1 } }
            }
        }
        #expect(failed.withLock { $0 } == 0)
        #expect(won.withLock { $0 } == [Int](repeating: 1, count: rounds))
        #expect(try MarketStore(path: path).rows().entries.values.joined().count == rounds)
    }

    @Test("what was committed is there when the database is opened again, and what was not is not")
    func reopened() throws {
        let folder = try Self.temporary()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/market.sqlite", mote = [UInt8](repeating: 3, count: 32)
        let listing = Listing(mote: mote, size: .medium, bucket: 4, first: Slice(100), last: Slice(103), permit: KeyID(mote)!, isStaked: true)
        do {
            let store = try MarketStore(path: path)
            #expect(try store.transaction { try $0.insertListing(listing) })
            #expect(throws: Killed.self) {
                try store.transaction { statements in
                    try statements.insertEntry([1], Entry(.fees, 1))
                    throw Killed()
                }
            }
        }
        let store = try MarketStore(path: path)
        #expect(try store.transaction { try $0.listing(mote, at: Slice(102)) } == listing)
        #expect(try store.transaction { try $0.listing(mote, at: Slice(104)) } == nil)
        #expect(try !store.transaction { try $0.insertListing(listing) })
        #expect(try store.rows().entries.isEmpty)
    }
}
