internal import Sealing

/// Everything that an exchange has published, and what its witnesses and customers were told: all that an auditor goes by.
package struct Published: Sendable {
    /// The newest checkpoint.
    package var checkpoint: Checkpoint
    /// All entries of the log under it.
    package var entries: [[UInt8]] = []
    /// Keys, chains and reports, as they were handed out.
    package var documents: [LoggedDocument] = []
    package var identifiers: [Slice: [[UInt8]]] = [:]
    package var beacons: [Slice: BeaconRecord] = [:]
    package var offers: [Slice: [Offer]] = [:]
    package var verdicts: [Slice: [Verdict]] = [:]
    package var swaps: [Slice: [SwapResult]] = [:]
    /// Bodies of lists as they were handed out.
    package var lists: [Slice: [EpochReport.List: [UInt8]]] = [:]
    /// What witnesses say that they gave out.
    package var revealed: [BeaconRecord] = []

    package init(_ checkpoint: Checkpoint) { self.checkpoint = checkpoint }
}

/// Calculates again whether an exchange kept its rules, from what it published: a pure function, so any two auditors find the same.
package struct MarketAudit {
    package enum Rule: String, Sendable, CaseIterable {
        /// The log is signed, whole and says each thing once.
        case log
        /// One table of keys a week and day, in time, and no other.
        case keys
        /// Sealed orders are those that were published.
        case orders
        /// Beacons are made of what witnesses revealed.
        case beacons
        /// Swaps are what the clearing gives, run again.
        case swaps
        /// What is said of motes is signed, and offers are.
        case motes
        /// Motes saw the same log as everybody.
        case echo
        /// No value out of nothing; no key took in more than it gave out.
        case value
        /// Rights and permits were earned.
        case earnings
        /// Nobody's order was carried out in too small a set.
        case sets
        /// Reports say what was published.
        case reports
        /// The throttle went by what was published, and permits are what it comes to.
        case throttle
        /// A copy of the ledger is what the reports say.
        case ledger
    }

    package struct Finding: Hashable, Sendable, CustomStringConvertible {
        package let rule: Rule
        package let slice: Slice?
        package let text: String

        package var description: String { "\(rule.rawValue)\(slice.map { " in slice \($0.index)" } ?? ""): \(text)" }
    }

    let terms: MarketTerms
    let rules: MarketRules
    let published: Published
    let leaves: [LogLeaf]
    let reports: [EpochReport]
    let tables: [(table: KeyTable, since: Slice)]
    var findings: [Finding] = []

    /// What does not hold; empty when all is well.
    package static func findings(_ published: Published, _ terms: MarketTerms) -> [Finding] {
        var audit = MarketAudit(published, terms)
        audit.checkLog()
        audit.checkKeys()
        audit.checkOrders()
        audit.checkBeacons()
        audit.checkMotes()
        audit.checkSwaps()
        audit.checkReports()
        audit.checkLists()
        audit.checkThrottle()
        audit.checkValue()
        return audit.findings
    }

    init(_ published: Published, _ terms: MarketTerms) {
        (self.terms, rules, self.published) = (terms, MarketRules(terms), published)
        leaves = published.entries.compactMap { try? LogLeaf($0) }
        reports = published.documents.filter { $0.kind == .report }.compactMap { try? EpochReport($0.body) }.sorted { $0.slice < $1.slice }
        tables = published.documents.compactMap { document in
            guard let table = try? KeyTable(document.body), let seconds = document.loggedAt(terms.trust) else { return nil }
            return (table, terms.time.slice(at: max(seconds, terms.time.epoch)))
        }
    }

    mutating func find(_ rule: Rule, _ slice: Slice? = nil, _ text: String) { findings.append(Finding(rule: rule, slice: slice, text: text)) }

    // MARK: the log

    private mutating func checkLog() {
        let log = TransparencyLog(published.entries.map { MerkleTree.leaf($0) })
        if !terms.trust.accepts(published.checkpoint) { find(.log, nil, "the newest checkpoint is not signed by the log and two witnesses") }
        if (log.size, log.root) != (published.checkpoint.size, published.checkpoint.root) { find(.log, nil, "the entries are not those of the checkpoint") }
        if leaves.count != published.entries.count || leaves.contains(where: { $0.origin != terms.origin }) { find(.log, nil, "there are entries that are none of this exchange's") }
        var said: Set<String> = [], last: Int64 = -1
        for leaf in leaves where leaf.kind != .chain {
            if !said.insert("\(leaf.kind) \(leaf.number)").inserted { find(leaf.kind == .week || leaf.kind == .day ? .keys : .log, nil, "\(leaf.kind) \(leaf.number) was published twice") }
            guard leaf.kind == .orders else { continue }
            if leaf.number <= last { find(.log, Slice(leaf.number), "orders of an earlier slice were sealed after those of a later one") }
            last = max(last, leaf.number)
        }
        checkDocuments()
        checkEcho(log)
    }

    /// Whatever the log has an entry of must be had, as it was logged.
    private mutating func checkDocuments() {
        var known: Set<[UInt8]> = []
        for document in published.documents {
            let leaf = LogLeaf(origin: terms.origin, kind: document.kind, number: document.number, body: document.body)
            if document.loggedAt(terms.trust) == nil || !leaves.contains(leaf) { find(.log, nil, "\(document.kind) \(document.number) was handed out and is not in the log") }
            known.insert(leaf.digest)
        }
        for leaf in leaves where leaf.kind != .orders && !known.contains(leaf.digest) { find(.log, nil, "\(leaf.kind) \(leaf.number) is in the log and cannot be had") }
    }

    /// Motes name the root that they saw: one that the log never had is another log's.
    private mutating func checkEcho(_ log: TransparencyLog) {
        var roots: Set<[UInt8]> = []
        for size in 0...log.size { if let root = log.root(of: size) { roots.insert(root) } }
        for (slice, offers) in published.offers {
            for offer in offers where !roots.contains(offer.keyRoot) { find(.echo, slice, "a mote saw a log that is not this one: somebody is shown other keys") }
        }
    }

    // MARK: keys

    private mutating func checkKeys() {
        let start = tables.map(\.since).min()
        for (table, since) in tables {
            let name = "the keys of \(table.span.kind) \(table.span.number)"
            if table.span.firstUse - KeyBook.longestLead > since { find(.keys, since, "\(name) were published long before their time") }
            // Those whose time came before the exchange began, or as it did, could not be published earlier; wallets let them lie as long as others.
            if table.span.firstUse < since + KeyBook.leastAge, let start, table.span.firstUse > start + KeyBook.leastAge { find(.keys, since, "\(name) were published too late to be looked at before use") }
        }
    }

    // MARK: orders and beacons

    private mutating func checkOrders() {
        for leaf in leaves where leaf.kind == .orders {
            let slice = Slice(leaf.number)
            guard let record = published.beacons[slice] else {
                if published.beacons.keys.contains(where: { $0 > slice }) { find(.beacons, slice, "orders were sealed and never carried out") }
                continue
            }
            if LogLeaf(origin: terms.origin, kind: .orders, number: leaf.number, body: record.seal.bytes) != leaf { find(.orders, slice, "the beacon is of other orders than were sealed") }
            guard let ids = published.identifiers[slice] else { find(.orders, slice, "the orders' identifiers cannot be had"); continue }
            let isSorted = zip(ids, ids.dropFirst()).allSatisfy { $0.lexicographicallyPrecedes($1) }
            if OrdersSeal(slice: slice, ids: ids) != record.seal || !isSorted { find(.orders, slice, "the orders are not those that were sealed") }
        }
    }

    private mutating func checkBeacons() {
        var chains = ChainBook(terms.trust)
        let logged = published.documents.filter { $0.kind == .chain }.sorted { $0.index < $1.index }
        for document in logged {
            guard let chain = try? BeaconChain(document.body), let seconds = document.loggedAt(terms.trust) else { continue }
            _ = chains.add(chain, loggedAt: terms.time.slice(at: max(seconds, terms.time.epoch)))
        }
        for (slice, record) in published.beacons.sorted(by: { $0.key < $1.key }) {
            if !leaves.contains(where: { $0.kind == .orders && $0.number == slice.index }) { find(.beacons, slice, "there is a beacon for orders that were not sealed") }
            do throws(BeaconRecord.Fault) { try record.check(terms.trust, &chains) } catch { find(.beacons, slice, "\(error)") }
            let report = reports.first { $0.slice == slice }, missing = Set(record.missing(terms.trust, chains))
            if let report, report.beacon != record.value || report.missing != missing { find(.beacons, slice, "the report tells of another beacon") }
        }
        checkRevealed()
    }

    /// A value that a witness gave out and the exchange left out moves the beacon as the exchange likes.
    private mutating func checkRevealed() {
        for said in published.revealed {
            let slice = said.seal.slice
            guard let record = published.beacons[slice], let reveal = said.reveals.first else { continue }
            if said.seal != record.seal { find(.beacons, slice, "witness \(reveal.witness) revealed its value for other orders than were sealed") }
            if !record.reveals.contains(where: { $0.witness == reveal.witness }) { find(.beacons, slice, "witness \(reveal.witness) revealed its value and the beacon is made without it") }
        }
    }
}
