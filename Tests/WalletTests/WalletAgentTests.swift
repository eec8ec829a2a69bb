import Ambience
import Bytes
import Exchange
import Foundation
import MarketHistories
import Sealing
import Testing
import Wallet

@Suite("A wallet and its exchange")
struct WalletAgentTests {
    private func mote(_ wallet: TestWallet) throws -> [UInt8] { try #require(try wallet.store.lots().compactMap(\.lot.mote).first) }

    @Test("a pack becomes credit, and in hurry changed credit, access and tickets for listed motes of others")
    func buys() throws {
        let market = try TestMarket()
        for ahead in 0..<TestMarket.starts { try market.allow(TestMarket.first + ahead, 3) }
        let (owner, _) = try market.offered(), buyer = try TestWallet(market)
        _ = try buyer.store.add(market.receipt())
        try buyer.store.addPurchase(.four, isUrgent: true, notBefore: TestMarket.first)
        try market.run(5, [owner, buyer])
        #expect(try owner.store.lots().first?.isListed == true)
        let report = try buyer.report()
        #expect(report.purchasesWaiting.isEmpty)
        #expect(report.credit == 948 && report.lost == 0 && report.ordersUnderWay == 0)
        #expect(report.tickets + report.unused == 12 && buyer.tickets.count >= report.tickets)
        let ticket = try Ticket(try Files.read("\(buyer.folder.tickets)/\(try #require(buyer.tickets.first))"))
        #expect(ticket.mote == (try mote(owner)))
        #expect(try market.store.rows.allEntries == 0)
        // The owner's wallet finds no mote but its own, and waits.
        try owner.store.addPurchase(.four, isUrgent: true, notBefore: TestMarket.first)
        try market.run(1, [owner])
        #expect(try owner.report().purchasesWaiting == ["no mote is listed for the next slices": 1])
    }

    @Test("killed at every step, with questions and answers lost, a wallet neither loses nor makes a unit")
    func survives() throws {
        let market = try TestMarket(), wallet = try TestWallet(market)
        var random = SeededRandom(seed: 7)
        for _ in 0..<2 { _ = try wallet.store.add(market.receipt()) }
        market.fate = { Int.random(in: 0..<3, using: &random) == 0 ? .question : Int.random(in: 0..<3, using: &random) == 0 ? .answer : nil }
        try market.run(6, [wallet], step: 75) { try wallet.restart() }
        market.fate = { nil }
        try market.run(4, [wallet])
        let report = try wallet.report()
        #expect(report.credit == 1920 && report.lost == 0 && report.ordersUnderWay == 0)
        // Sent again, often, and each the same: the ledger has one request for each order.
        #expect(market.sent.count > Set(market.sent).count)
        #expect(market.store.requests == Set(market.sent).count)
    }

    @Test("a made-up refusal costs nothing: the order that was carried out gives up its answer later")
    func liedTo() throws {
        let market = try TestMarket(), wallet = try TestWallet(market)
        _ = try wallet.store.add(market.receipt())
        try market.run(1, [wallet])
        market.lie = .refused(.untimely)
        try market.run(8, [wallet])
        let report = try wallet.report()
        #expect(report.credit + report.stock.reduce(0) { $0 + Int64($1.doubtful * $1.denomination) } == 960)
        #expect(report.lost == 0)
    }

    @Test("an owner is paid for what its mote was shown, and has its stake back when the lot is over")
    func earns() throws {
        let market = try TestMarket()
        for ahead in 0..<TestMarket.starts { try market.allow(TestMarket.first + ahead, 3) }
        let (owner, folder) = try market.offered(), buyer = try TestWallet(market)
        for _ in 0..<2 { _ = try buyer.store.add(market.receipt()) }
        for _ in 0..<2 { try buyer.store.addPurchase(.four, isUrgent: true, notBefore: TestMarket.first) }
        try market.run(5, [owner, buyer]) { if let mote = try owner.store.lots().compactMap(\.lot.mote).first { market.up.insert(mote) } }
        let offer = try MoteOffer(try Files.readText("\(folder)/\(MoteFolder.offer)"))
        let mote = try mote(owner), exporter = SecureRandom.bytes(32), key = Ed25519Key(seed: try Files.read("\(folder)/\(MoteFolder.key)"))
        #expect(key.publicKey == mote)
        // What the mote writes of clients that came with these tickets.
        var shown = 0
        for name in buyer.tickets {
            let ticket = try Ticket(try Files.read("\(buyer.folder.tickets)/\(name)"))
            guard offer.slices.contains(ticket.slices.lowerBound), case .token(let slice, let token, let salt, let signature) = ticket.question(for: ticket.slices.lowerBound, exporter: exporter)
            else { continue }
            let record = try #require(SpendRecord(Spend(token, .spent(slice, salt: salt, session: Signed.session(exporter, token: token.input.nonce), signature: signature))))
            try Files.append("\(folder)/\(MoteFolder.spends)", record.bytes)
            shown += 1
        }
        #expect(shown >= 12)
        try market.run(5, [owner, buyer])
        let line = try #require(try owner.report().motes.first)
        #expect(line.deposited == shown && line.waiting == 0)
        let bundles = Int64(shown / 16), rest = Int64(shown % 16)
        #expect(try owner.report().credit == 960 - 12 + bundles * 15 + max(0, rest - 1))
        // The stake, two days later.
        try market.jump(to: Slice.first(ofDay: TestMarket.first.day + 2))
        try market.run(2, [owner])
        #expect(try owner.report().credit == 960 + bundles * 15 + max(0, rest - 1))
    }

    @Test("access that no mote took is paid back after its day, sixteen for fifteen")
    func refunds() throws {
        let market = try TestMarket()
        for ahead in 0..<TestMarket.starts { try market.allow(TestMarket.first + ahead, 3) }
        let (owner, _) = try market.offered(), buyer = try TestWallet(market)
        _ = try buyer.store.add(market.receipt())
        for _ in 0..<2 { try buyer.store.addPurchase(.four, isUrgent: true, notBefore: TestMarket.first) }
        try market.run(5, [owner, buyer])
        #expect(try buyer.report().credit == 936)
        try market.jump(to: Slice.first(ofDay: TestMarket.first.day + 2))
        try market.run(2, [buyer])
        let report = try buyer.report()
        #expect(report.credit == 951 && report.unused == 8)
        #expect(buyer.tickets.isEmpty)
    }

    @Test("swapped motes earn rights slice by slice, and rights become access in the other bucket")
    func swaps() throws {
        let market = try TestMarket()
        for ahead in 0..<TestMarket.starts { try market.allow(TestMarket.first + ahead, 3) }
        let (north, northern) = try market.offered(bucket: 0, port: 9001), (south, southern) = try market.offered(bucket: 1, port: 9002)
        let setUp = { for wallet in [north, south] { for kept in try wallet.store.lots() { if let mote = kept.lot.mote { market.up.insert(mote) } } } }
        try market.run(3, [north, south], each: setUp)
        #expect(try north.store.want(1 << 1, folder: northern) == 1 && south.store.want(1 << 0, folder: southern) == 1)
        for wallet in [north, south] { for ahead in Int64(0)..<3 { try wallet.store.addPurchase(.four, isUrgent: true, notBefore: market.slice + ahead) } }
        try market.run(5, [north, south], each: setUp)
        // A swap is public: an order that shares its key would be the mote's owner's, for all to see.
        #expect(Set(market.signingKeys).count == market.signingKeys.count)
        #expect(try north.report().motes.first?.swap == "bucket 1" && south.report().motes.first?.swap == "bucket 0")
        let others = try mote(south)
        let bartered = try north.store.accessTokens().filter { if case .barterAccess(1, _) = $0.role { true } else { false } }
        #expect(bartered.count >= 6 && bartered.allSatisfy { $0.place?.mote == others })
        // Barter never touches credit.
        let bought = try [north, south].reduce(0) { try $0 + $1.store.accessTokens().count { if case .access = $0.role { true } else { false } } }
        #expect(bought > 0 && bought % 12 == 0)
        #expect(try north.report().credit + south.report().credit == 2 * (960 - 12) - Int64(bought))
    }

    @Test("a mote that is offered again has a permit and a key more, for the slices after the first one's, and not while it waits for one")
    func renews() throws {
        let market = try TestMarket()
        for ahead in Int64(0)..<10 { try market.allow(TestMarket.first + ahead, 3) }
        let (owner, folder) = try market.offered(), address = try #require(try owner.store.lots().first).address
        let again = { try owner.store.addLot(.small, bucket: 0, folder: folder, address: address, isTrial: false) }
        #expect(try again() == .waitsAlready)
        try market.run(5, [owner])
        let first = try #require(try owner.store.lots().first?.lot.start)
        #expect(try again() == .from(first + MoteClass.slicesPerPermit) && again() == .waitsAlready)
        try market.run(5, [owner])
        let lots = try owner.store.lots()
        #expect(lots.count == 2 && lots.allSatisfy(\.isListed) && Set(lots.compactMap(\.lot.mote)).count == 2)
        #expect(lots.compactMap(\.lot.start) == [first, first + MoteClass.slicesPerPermit])
        #expect(try MoteOffer(try Files.readText("\(folder)/\(MoteFolder.offer)")).slices.lowerBound == first + MoteClass.slicesPerPermit)
    }

    @Test("a mote that takes tokens and does not serve is complained of; one that said full and deposits all the same loses its stake")
    func complains() throws {
        let market = try TestMarket()
        for ahead in 0..<TestMarket.starts { try market.allow(TestMarket.first + ahead, 3) }
        let (owner, folder) = try market.offered(), buyer = try TestWallet(market)
        _ = try buyer.store.add(market.receipt())
        try buyer.store.addPurchase(.four, isUrgent: true, notBefore: TestMarket.first)
        let isUp = { if let mote = try owner.store.lots().compactMap(\.lot.mote).first { market.up.insert(mote) } }
        try market.run(5, [owner, buyer], each: isUp)
        // Two of its tokens the mote takes; of one it says "full", and keeps it.
        let key = Ed25519Key(seed: try Files.read("\(folder)/\(MoteFolder.key)")), exporter = SecureRandom.bytes(32)
        for (number, name) in buyer.tickets.filter({ $0.hasSuffix(TicketFile.unused) }).prefix(2).enumerated() {
            let path = "\(buyer.folder.tickets)/\(name)", plain = String(path.dropLast(TicketFile.unused.count)), ticket = try Ticket(try Files.read(path))
            try FileManager.default.moveItem(atPath: path, toPath: "\(plain).\(Hex.lower(exporter))\(TicketFile.spent)")
            guard number == 0, case .token(let slice, let token, let salt, let signature) = ticket.question(for: ticket.slices.lowerBound, exporter: exporter) else { continue }
            let full = key.sign(Signed.receipt(of: token.input.nonce, slice, isServed: false))
            try Files.replace("\(plain)\(TicketFile.receipt)", with: [GateReceipt.Outcome.full.rawValue] + slice.bytes + token.input.nonce + full)
            let record = try #require(SpendRecord(Spend(token, .spent(slice, salt: salt, session: Signed.session(exporter, token: token.input.nonce), signature: signature))))
            try Files.append("\(folder)/\(MoteFolder.spends)", record.bytes)
        }
        try market.run(10, [owner, buyer], each: isUp)
        let report = try buyer.report()
        #expect(report.complaintsMade == 2 && market.complaints.count == 2)
        #expect(report.fraudsProved == 1)
        #expect(market.complaints.allSatisfy { $0.mote == key.publicKey })
        // What others say of it, its owner is shown, and who looks at what is to be had.
        market.complaintsTold = market.slice - 2
        try market.run(2, [owner])
        #expect(try owner.report().motes.first?.complaints == 2)
        #expect(try owner.store.complaints()[key.publicKey] == 2)
        let credit = try owner.report().credit
        try market.jump(to: Slice.first(ofDay: TestMarket.first.day + 2))
        try market.run(2, [owner])
        #expect(try owner.report().credit == credit)
    }

    @Test("a mote that is offered for twenty slices has one permit after another, each with its own key, until it is withdrawn")
    func severalPermits() throws {
        let market = try TestMarket()
        for ahead in 0..<TestMarket.starts { try market.allow(TestMarket.first + ahead, 3) }
        let (owner, folder) = try market.offered(permits: 5)
        try market.run(13, [owner])
        #expect(try owner.store.withdraw(folder: folder) > 0)
        let lots = try owner.store.lots().map(\.lot)
        #expect(lots.count == 3 && Set(lots.compactMap(\.mote)).count == 3)
        #expect(zip(lots, lots.dropFirst()).allSatisfy { $0.last.map { $0 + 1 } == $1.start })
        let offer = try MoteOffer(try Files.readText("\(folder)/\(MoteFolder.offer)")), key = Ed25519Key(seed: try Files.read("\(folder)/\(MoteFolder.key)"))
        #expect(offer.slices.lowerBound == lots[2].start && key.publicKey == lots[2].mote)
        try market.run(6, [owner])
        #expect(try owner.store.lots().count == 3)
    }

    @Test("the cloud's client has tickets of its owner for the cloud's own motes, as long as they are offered, and for no others")
    func ownTickets() throws {
        let market = try TestMarket()
        for ahead in 0..<TestMarket.starts { try market.allow(TestMarket.first + ahead, 3) }
        let (owner, _) = try market.offered(), address = try #require(MoteAddress("127.0.0.1:9002 \(String(repeating: "B2", count: 20))"))
        try owner.store.addLot(.small, bucket: 0, folder: owner.folder.motes + "/mote", address: address, isTrial: false)
        try market.run(4, [owner])
        let lots = try owner.store.lots(), names = owner.tickets
        #expect(lots.allSatisfy(\.isListed) && names.count == 1)
        let ticket = try Ticket(try Files.read("\(owner.folder.tickets)/\(try #require(names.first))")), seed = try owner.folder.readSeed()
        #expect(ticket.isOwners && ticket.mote == lots[1].lot.mote && ticket.subject == seed.owner.publicKey)
        #expect(try Files.readText("\(owner.folder.motes)/mote/\(MoteFolder.owners)") == Hex.lower(seed.owner.publicKey) + "\n")
        try market.run(6, [owner])
        #expect(owner.tickets.isEmpty)
    }

    @Test("a restored wallet has what the backup had, finds out what was spent since")
    func restores() throws {
        let market = try TestMarket(), old = try TestWallet(market)
        _ = try old.store.add(market.receipt())
        try market.run(2, [old])
        let path = old.folder.path + "/backup"
        try Backup.write(old.store, try old.folder.readSeed(), to: path, now: market.now)
        #expect(try Files.read(path).count == 14 + 32 + 64 + (256 << 10))
        let known = Set(market.sent), count = market.sent.count
        // Spent after the backup: those outputs only the old wallet knows.
        try market.run(1, [old])
        let seed = try WalletFolder.readSeed(old.folder.seed), new = try TestWallet(market, seed: seed.secret, device: seed.device)
        try Backup.restore(path, into: new.store, try new.folder.readSeed(), .usual, now: market.now, spreadSeconds: 600)
        #expect(try new.report().credit == 0)
        #expect(throws: WalletError.self) { try Backup.restore(path, into: new.store, try new.folder.readSeed(), .usual, now: market.now, spreadSeconds: 0) }
        try market.run(4, [new])
        // Finished orders went out again too, and nothing came of them.
        #expect(known.isSubset(of: Set(market.sent[count...])))
        let report = try new.report(), spentSince = try old.report().credit
        #expect(report.credit > 0 && report.credit <= 960 && spentSince <= 960)
        var damaged = try Files.read(path)
        damaged[200] ^= 1
        try Files.replace(path + "2", with: damaged)
        let third = try TestWallet(market, seed: seed.secret, device: seed.device)
        #expect(throws: WalletError.self) { try Backup.restore(path + "2", into: third.store, try third.folder.readSeed(), .usual, now: market.now, spreadSeconds: 0) }
    }
}

extension LedgerRows {
    /// All entries together: nothing, or value was made.
    var allEntries: Int64 { get throws { entries.values.joined().reduce(0) { $0 + $1.delta } } }
}
