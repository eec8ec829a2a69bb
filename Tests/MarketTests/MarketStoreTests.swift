import Exchange
import Foundation
import Market
import MarketHistories
import Synchronization
import Testing

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
        let market = try MarketStore(path: folder + "/market.sqlite"), store = KilledStore(market, rows: market.rows)
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
