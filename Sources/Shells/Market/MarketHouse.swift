internal import Exchange
internal import Foundation
internal import Sealing

/// One at a time: what is inside belongs to whoever is in `use`.
// SAFETY: `value` is touched only with the lock held.
final class Locked<Value>: @unchecked Sendable {
    private let lock = NSLock()
    private var value: Value

    init(_ value: Value) { self.value = value }

    func use<R>(_ body: (inout Value) throws -> R) rethrows -> R { try lock.withLock { try body(&value) } }
}

/// An exchange with its private keys: everything that needs them. All that it knows it has from its folder and its database.
struct MarketHouse {
    let terms: MarketTerms
    let store: MarketStore
    let records: MarketRecords
    let exchange: Exchange<MarketStore, Issuer>
    let desk: MarketDesk
    var log: MarketLog
    private let schedule: KeySchedule
    private let vault: KeyVault
    private let maker: KeyMaker
    private let cache = KeyCache()
    private var chains: ChainBook
    private var throttle: MarketThrottle
    /// Days whose keys were read from disk, and what they still lack.
    private var lacking: [Int64: Set<KeyRole>] = [:]
    private var published: Set<KeyTable.Span> = []
    /// The last slice of which nothing is left to do, and the day whose leavings were deleted.
    private var finished: Slice?
    private var cleaned: Int64?
    private let forgetting: MarketForgetting
    private var news: [MarketNews] = []

    init(_ folder: MarketFolder, _ terms: MarketTerms, _ store: MarketStore, _ vault: KeyVault, _ maker: KeyMaker) throws {
        (self.terms, self.store, self.vault, self.maker) = (terms, store, vault, maker)
        let secrets = try folder.secrets()
        let issuer = Issuer(seed: secrets.issuer, cashier: terms.cashierKey)!
        exchange = Exchange(store: store, desk: issuer, rules: MarketRules(terms))
        desk = MarketDesk(exchange, time: terms.time)
        log = try MarketLog(store, terms.trust, secrets.log)
        records = MarketRecords(store: store)
        schedule = KeySchedule(buckets: terms.buckets.map(\.number).sorted(), sizes: terms.sizes, permitEvery: terms[.permitEvery])
        chains = ChainBook(terms.trust)
        forgetting = MarketForgetting(store, keys: folder.keys)
        finished = try records.lastFinished
        throttle = try MarketThrottle(store, terms)
        for document in try Self.chains(store) { takeChain(document) }
    }

    private var issuer: Issuer { exchange.desk }

    mutating func takeNews() -> [MarketNews] {
        defer { news = [] }
        return news
    }

    // MARK: keys

    /// Opens the keys of the time, has those made that will be needed, and publishes what is complete.
    mutating func tendKeys(at slice: Slice) throws {
        // Whose time ended while the exchange was down is opened once more, for what is left of it is still to be burned.
        let since = max(min(slice, finished ?? slice), slice - Self.longestPause), (weeks, days) = schedule.remembered(at: slice, since: since)
        for week in weeks { for role in schedule.credit(week: week) where role.forgotten > since { issuer.open(role) } }
        for day in days where lacking[day] == nil { try open(day, at: slice, since: since) }
        try takeMade()
        for week in schedule.weeks(at: slice) { try publish(.week(week)) { $0.table(week: week) } }
        for day in schedule.days(at: slice) where lacking[day]?.isEmpty == true { try publish(.day(day)) { $0.table(day: day) } }
    }

    /// An exchange that was down for longer does not burn all that was left.
    private static let longestPause = 30 * Slice.perDay

    private mutating func open(_ day: Int64, at slice: Slice, since: Slice) throws {
        for role in schedule.rights(day: day) where role.forgotten > since { issuer.open(role) }
        let all = schedule.signers(day: day, after: Slice.first(ofDay: day) - 1)
        for record in try vault.records(of: day, among: all) where record.role.forgotten > since { open(record) }
        // A table that was published stays as it is: what it lacks is not made any more.
        let isOver = try day < slice.day || log.has(.day, day)
        let wanted = isOver ? [] : schedule.signers(day: day, after: slice).filter { issuer.key(of: $0) == nil }
        lacking[day] = Set(wanted)
        if !wanted.isEmpty { maker.want(wanted, day: day) }
    }

    private func open(_ record: KeyVault.Record) {
        guard let publicKey = TokenPublicKey.decode(record.publicKey) else { return }
        let (cache, vault) = (cache, vault)
        issuer.open(record.role, publicKey) { cache.key(record.role) { vault.open(record) } }
    }

    private mutating func takeMade() throws {
        let (made, trouble) = maker.take()
        for (day, record) in made {
            open(record)
            lacking[day]?.remove(record.role)
        }
        if let trouble { news.append(.trouble(trouble)) } else if !made.isEmpty { news.append(.making(keys: maker.waiting)) }
    }

    /// Once: a table has thousands of keys, and it is asked for five times a second.
    private mutating func publish(_ span: KeyTable.Span, _ table: (Issuer) -> KeyTable?) throws {
        guard !published.contains(span) else { return }
        if try !log.has(span.kind, span.number) {
            guard let table = table(issuer) else { return }
            try log.add(span.kind, span.number, table.bytes)
            news.append(.published(span.kind, span.number))
        }
        published.insert(span)
    }

    // MARK: beacons

    private static func chains(_ store: MarketStore) throws -> [[UInt8]] {
        try store.read { database in
            try database.rows("SELECT logged.body AS body FROM logged JOIN leaf USING (number) WHERE kind = ? ORDER BY number", .text(LogLeaf.Kind.chain.rawValue)).map {
                try $0.bytes("body")
            }
        }
    }

    private mutating func takeChain(_ bytes: [UInt8]) {
        guard let document = try? LoggedDocument(bytes), let seconds = document.loggedAt(terms.trust), let chain = try? BeaconChain(document.body) else { return }
        _ = chains.add(chain, loggedAt: terms.time.slice(at: seconds))
    }

    /// After a checkpoint was believed: chains that it is the first to show.
    mutating func takeChains() throws { for document in try Self.chains(store) { takeChain(document) } }

    /// Logs what a witness says that it will reveal; before a checkpoint shows it, it counts for nothing.
    mutating func addChain(_ chain: BeaconChain) throws -> Bool {
        let known = try store.read { database in try database.row("SELECT count(*) AS number FROM leaf WHERE kind = ?", .text(LogLeaf.Kind.chain.rawValue))?.integer("number") ?? 0 }
        return try known < Int64(MarketTerms.witnessesCount * ChainBook.chainsLimit) && log.add(.chain, chain.first.index, chain.bytes)
    }

    /// Witnesses whose values a slice's beacon is made of.
    func revealing(_ slice: Slice) -> [MarketTerms.Witness] { terms.witnesses.filter { chains.expects($0.name, slice) } }

    /// Takes what witnesses revealed for a sealed slice: what is not theirs is left out, and two are enough.
    mutating func take(_ reveals: [Reveal], for seal: OrdersSeal) throws -> Bool {
        let genuine = reveals.filter { reveal in
            guard let key = terms.trust.witnesses[reveal.witness] else { return false }
            return reveal.isSigned(by: key, of: seal) && chains.isGenuine(reveal.value, of: reveal.witness, at: seal.slice)
        }
        guard genuine.count >= LogTrust.witnessesNeeded else { return false }
        try records.add(BeaconRecord(seal: seal, reveals: genuine))
        return true
    }

    // MARK: slices

    /// The first slice that is not finished, `nil` while its orders may still come. What nobody ordered in while the exchange was down is passed over.
    func due(at seconds: Int64) throws -> Slice? {
        let now = terms.time.slice(at: seconds), last = try records.lastFinished
        let first = try store.read { database in try database.row("SELECT min(slice) AS slice FROM intake WHERE answer IS NULL")?.integerIfAny("slice") }.map { Slice($0) }
        let next = max((last ?? now - 1) + 1, min(first ?? now, now))
        return desk.intake.isOpen(next, at: seconds) ? nil : next
    }

    /// Seals a slice and logs its root.
    mutating func seal(_ slice: Slice, at seconds: Int64) throws -> OrdersSeal? {
        guard let seal = try desk.seal(slice, at: seconds) else { return nil }
        try log.add(.orders, slice.index, seal.bytes)
        return seal
    }

    /// All that is done in a slice beside its orders: swaps are cleared, what is left of old keys is burned, permits are given out for a start
    /// to come, and the report is logged.
    mutating func finish(_ slice: Slice, _ beacon: BeaconRecord) throws {
        let requests = try (desk.identifiers(of: slice) ?? []).compactMap { try records.request($0) }
        try records.match(try exchange.clear(requests, beacon: beacon.value, at: slice), at: slice)
        try burn(at: slice)
        try throttle.run(slice)
        let told = throttle.account(upTo: slice)
        try log.add(.report, slice.index, try MarketReporter(terms: terms, store: store, records: records, issuer: issuer).report(slice, beacon, missing: beacon.missing(terms.trust, chains), told).bytes)
        throttle.forget(upTo: slice)
        try desk.forget(before: slice)
        try end(slice)
    }

    /// A slice without a beacon: what it has goes with the next.
    mutating func skip(_ slice: Slice) throws {
        try desk.postpone(slice)
        try throttle.run(slice)
        try burn(at: slice)
        try end(slice)
    }

    private func burn(at slice: Slice) throws {
        for role in issuer.openRoles where role.forgotten <= slice { if let key = issuer.key(of: role) { try exchange.retire(key, at: slice) } }
    }

    private mutating func end(_ slice: Slice) throws {
        try records.finish(slice)
        finished = slice
        for role in issuer.openRoles where role.forgotten <= slice { issuer.close(role) }
        guard slice.day != cleaned else { return }
        try forgetting.run(at: slice)
        lacking = lacking.filter { $0.key >= slice.day - MarketForgetting.keysKeptDays }
        published = published.filter { $0.forgotten > slice }
        cleaned = slice.day
    }

    mutating func note(settled slice: Slice, orders: Int) { news.append(.settled(slice, orders: orders)) }
}
