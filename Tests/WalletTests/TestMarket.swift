import Bytes
import Exchange
import Foundation
import MarketHistories
import Sealing
import Wallet

/// An exchange within the process, with real keys: orders are settled at the slice's end, answers can be had after that.
final class TestMarket: MarketPort {
    enum Lost: Error { case question, answer }

    /// Made once: RSA keys take their time. What they are for is part of their identifiers, so two do for all.
    // SAFETY: OpenSSL's keys may be used by several threads at once; nobody changes these.
    private nonisolated(unsafe) static let rsa = (0..<2).map { _ in RSAKey.generateLocked(bits: 2048) }

    let cashier = Ed25519Key()
    let logKey = Ed25519Key()
    let witnesses = (0..<3).map { ("witness\($0)", Ed25519Key()) }
    let sealKey = Curve25519Key()
    let store = MemoryStore()
    let issuer: Issuer
    let exchange: Exchange<MemoryStore, Issuer>
    let terms: MarketTerms
    static let first = Slice(20_000 * Slice.perDay + 10)
    var now: Int64
    private var orders: [[UInt8]: (slice: Slice, order: [UInt8], reply: Reply?)] = [:]
    private var offers: [Offer] = []
    private var swapRequests: [SwapRequest] = []
    private var swapResults: [Slice: [Swap]] = [:]
    private var settled: Slice = first - 1
    private(set) var sent: [[UInt8]] = []
    /// Whether a question is lost, or its answer.
    var fate: () -> Lost? = { nil }
    /// What is said instead of a reply, once.
    var lie: Reply?
    /// Motes that are up; all others are down.
    var up: Set<[UInt8]> = []
    private var log = TransparencyLog()
    private var leaves: [[UInt8]] = []
    /// What it hands out as its log instead, signed by as many witnesses.
    var shownLog: TransparencyLog?
    var hidesTiles = false
    var shownOffer: (Offer) -> Offer = { $0 }
    private(set) var tilesAsked = 0
    /// All complaints, and in which slice's report they are.
    private(set) var complaints: [Complaint] = []
    var complaintsTold: Slice?
    static let workBits = 8

    init() throws {
        issuer = Issuer(seed: .random(32), cashier: cashier.publicKey)!
        var rules = MarketRules()
        (rules.workBits, rules.leastSet, rules.leastFleet) = (Self.workBits, 0, 1)
        // Its few motes are sold further than a market's may be.
        rules.stopsAtLoad = false
        exchange = Exchange(store: store, desk: issuer, rules: rules)
        terms = try MarketTerms(
            origin: "test.example/market", address: "127.0.0.1:1", logKey: logKey.publicKey, sealKey: sealKey.publicKey, cashierKey: cashier.publicKey, time: .usual,
            witnesses: witnesses.map { .init(name: $0.0, key: $0.1.publicKey, address: "127.0.0.1:2") },
            buckets: [.init(number: 0, region: "north", group: "one"), .init(number: 1, region: "south", group: "two")],
            trials: [.workBits: Int64(Self.workBits)])
        now = MarketTime.usual.start(of: Self.first)
        openKeys()
    }

    /// Slices for which there are permits.
    static let starts: Int64 = 20

    var slice: Slice { MarketTime.usual.slice(at: now) }

    private func openKeys() {
        let day = Self.first.day
        for week in Self.first.week...Self.first.week + 1 { for denomination in Denomination.allCases { issuer.open(.credit(denomination, week: week)) } }
        issuer.open(.access(day: day), Self.rsa[0])
        issuer.open(.access(day: day + 1), Self.rsa[1])
        for bucket in UInt8(0)...1 {
            issuer.open(.barterAccess(bucket: bucket, day: day), Self.rsa[Int(bucket)])
            for ahead in Int64(0)..<12 { issuer.open(.barter(bucket: bucket, Self.first + ahead)) }
        }
        for ahead in Int64(0)..<Self.starts { issuer.open(.permit(Self.first + ahead, .small, isStaked: true), Self.rsa[0]) }
    }

    /// Keys with which orders were signed, one for each order that is none for a swap's right, and one for each swap.
    var signingKeys: [[UInt8]] {
        orders.values.compactMap { try? Order($0.order) }.filter { if case .right = $0.shape { false } else { true } }.map(\.orderKey) + swapRequests.map(\.orderKey)
    }

    func allow(_ start: Slice, _ count: Int64) throws { try store.transaction { try $0.setAllowance(start, .small, isStaked: true, count) } }

    func receipt() -> Pack {
        let id = SecureRandom.bytes(32)
        return Pack(receipt: id, signature: cashier.sign(Signed.receipt(id)))
    }

    // MARK: time

    /// Settles whatever slice ended its intake.
    func advance(to seconds: Int64) throws {
        now = seconds
        while seconds >= MarketTime.usual.moment(840, of: settled + 1) {
            settled = settled + 1
            for mote in Set(offers.filter { ($0.first...$0.last).contains(settled) }.map(\.mote)) { try exchange.certify(mote, at: settled, isUp: up.contains(mote)) }
            for (id, order) in orders where order.slice == settled && order.reply == nil { orders[id]!.reply = try exchange.carryOut(order.order, at: settled) }
            swapResults[settled] = try exchange.clear(swapRequests, beacon: settled.bytes, at: settled)
        }
    }

    // MARK: the port

    func send(_ order: [UInt8]) throws -> Slice? {
        let fate = fate()
        if fate == .question { throw Lost.question }
        let id = Digest.sha256(order)
        sent.append(id)
        if orders[id] == nil { orders[id] = (now < MarketTime.usual.moment(600, of: slice) ? slice : slice + 1, order, nil) }
        if fate == .answer { throw Lost.answer }
        return orders[id]!.slice
    }

    func answer(to id: [UInt8]) throws -> PortAnswer {
        if fate() != nil { throw Lost.answer }
        guard let order = orders[id] else { return .unknown }
        guard let reply = order.reply else { return .waits }
        if let lie {
            self.lie = nil
            return .ready(lie)
        }
        return .ready(reply)
    }

    func keys(_ span: KeyTable.Span) throws -> LoggedDocument? {
        let table = switch span { case .week(let week): issuer.table(week: week); case .day(let day): issuer.table(day: day) }
        guard let body = table?.bytes else { return nil }
        let leaf = LogLeaf(origin: terms.origin, kind: span.kind, number: span.number, body: body)
        let index = leaves.firstIndex(of: leaf.hash) ?? { log.append(leaf.hash); leaves.append(leaf.hash); return log.size - 1 }()
        return LoggedDocument(kind: span.kind, number: span.number, index: index, checkpoint: signed(log), proof: log.inclusion(of: index, size: log.size)!, body: body)
    }

    /// As it was with its first entries.
    func log(of size: Int) -> TransparencyLog { TransparencyLog(leaves.prefix(size)) }

    private func signed(_ log: TransparencyLog) -> Checkpoint {
        var checkpoint = Checkpoint(origin: terms.origin, size: log.size, root: log.root)
        checkpoint.sign(logKey)
        for (name, key) in witnesses.prefix(2) { checkpoint.cosign(name, key, secondsSinceEpoch: UInt64(MarketTime.usual.start(of: Self.first - 6))) }
        return checkpoint
    }

    func checkpoint() throws -> Checkpoint? { signed(shownLog ?? log) }
    func tile(_ tile: Tile) throws -> [UInt8]? {
        tilesAsked += 1
        return hidesTiles ? nil : (shownLog ?? log).tile(tile)
    }

    func listings(_ slice: Slice) throws -> [Offer]? { offers.filter { ($0.first...$0.last).contains(slice) }.map(shownOffer) }
    func certificates(_ slice: Slice) throws -> [(mote: [UInt8], isUp: Bool)]? {
        slice > settled ? nil : Set(offers.filter { ($0.first...$0.last).contains(slice) }.map(\.mote)).map { ($0, up.contains($0)) }
    }
    func swaps(_ slice: Slice) throws -> [(request: [UInt8], bucket: UInt8)]? { swapResults[slice]?.map { ($0.id, $0.bucket) } }

    func list(_ offer: Offer) throws -> Refusal? {
        let refusal = try exchange.list(offer, at: slice)
        if refusal == nil { offers.append(offer) }
        return refusal
    }

    func swap(_ request: SwapRequest) throws -> Refusal? {
        let refusal = try exchange.check(request, at: slice)
        if refusal == nil, !swapRequests.contains(request) { swapRequests.append(request) }
        return refusal
    }

    func prove(_ proof: FraudProof) throws -> Refusal? { try exchange.slash(proof, at: slice) }

    func complain(_ complaint: Complaint) throws -> Refusal? {
        if let refusal = try exchange.check(complaint, at: slice) { return refusal }
        complaints.append(complaint)
        return nil
    }

    func report(_ slice: Slice) throws -> SliceReport? {
        let counts = Dictionary(grouping: complaints, by: { Place(mote: $0.mote, slice: $0.slice) }).map { ComplaintCount(mote: $0.mote, slice: $0.slice, count: UInt32($1.count)) }
        return SliceReport(sources: 7, complaints: slice == complaintsTold ? counts : [])
    }
}

/// A wallet in a folder of its own.
final class TestWallet {
    let folder: WalletFolder
    let market: TestMarket
    let store: WalletStore
    let rules: WalletRules
    private(set) var agent: WalletAgent

    init(_ market: TestMarket, _ rules: WalletRules = WalletRules(isHurried: true), seed: SecretBytes? = nil, device: UInt16 = 0) throws {
        (self.market, self.rules) = (market, rules)
        folder = WalletFolder(FileManager.default.temporaryDirectory.appendingPathComponent("dustcloud-wallet-\(UUID().uuidString)").path)
        try folder.join(market.terms.text, seed: seed, device: device)
        store = try WalletStore(folder.database)
        agent = try WalletAgent(folder, store, market, rules: rules)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder.path) }

    /// As after kill -9: nothing but what is on disk.
    func restart() throws { agent = try WalletAgent(folder, store, market, rules: rules) }

    func report() throws -> WalletReport { try store.report(at: market.slice) }
    var tickets: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: folder.tickets)) ?? []).sorted() }
}

extension TestMarket {
    /// Goes through slices in steps of so many seconds, all wallets each.
    func run(_ slices: Int64, _ wallets: [TestWallet], step: Int64 = 150, each body: () throws -> Void = {}) throws {
        let end = MarketTime.usual.start(of: slice + slices)
        while now < end {
            try advance(to: now + step)
            for wallet in wallets { _ = try wallet.agent.step(at: now) }
            try body()
        }
    }

    /// An owner whose mote is offered, and the mote's folder.
    func offered(bucket: UInt8 = 0, port: Int = 9001, permits: Int = 1) throws -> (owner: TestWallet, folder: String) {
        let owner = try TestWallet(self), folder = owner.folder.path + "/mote", address = MoteAddress("127.0.0.1:\(port) \(String(repeating: "A1", count: 20))")!
        _ = try owner.store.add(receipt())
        try owner.store.addLot(.small, bucket: bucket, folder: folder, address: address, isTrial: false, permits: permits)
        return (owner, folder)
    }

    /// To the first moment of a slice; wallets sleep meanwhile.
    func jump(to slice: Slice) throws { try advance(to: MarketTime.usual.start(of: slice)) }
}
