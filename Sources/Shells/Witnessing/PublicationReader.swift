package import Ambience
package import Exchange
internal import MarketLine

/// Fetches everything that an exchange has published, for an auditor, and asks its witnesses what they gave out.
package struct PublicationReader {
    /// Entries of a log that is read at once: some years' worth.
    package static let entriesLimit = 1 << 20

    package enum Failure: Error, CustomStringConvertible {
        case address(String)
        case notThere(String)
        case malformed(String)

        package var description: String {
            switch self {
            case .address(let address): "\(address) cannot be asked"
            case .notThere(let what): "the exchange has no \(what) yet: try again when it has run for some slices"
            case .malformed(let what): "what the exchange handed out as \(what) is none"
            }
        }
    }

    private let terms: MarketTerms
    private let client: MarketClient
    private let witnesses: [MarketClient]
    private let onProgress: (String) -> Void

    /// - Parameter onProgress: told what is being read, often.
    package init(_ terms: MarketTerms, socks: SocketAddress?, _ onProgress: @escaping (String) -> Void) throws(Failure) {
        let route = socks.map { MarketClient.Route.socks($0) } ?? .direct
        guard let client = MarketClient(terms.address, route) else { throw .address(terms.address) }
        (self.terms, self.client, self.onProgress) = (terms, client, onProgress)
        witnesses = terms.witnesses.compactMap { MarketClient($0.address, route, limitMilliseconds: 10_000) }
    }

    package func read() throws -> Published {
        guard let text = try client.fetch(.checkpoint) else { throw Failure.notThere("checkpoint") }
        guard let checkpoint = try? Checkpoint(String(decoding: text, as: UTF8.self)), checkpoint.size <= Self.entriesLimit else { throw Failure.malformed("checkpoint") }
        var published = Published(checkpoint)
        published.entries = try entries(checkpoint.size)
        published.documents = try documents(.chains, "chains", isList: true)
        for (index, leaf) in published.entries.compactMap({ try? LogLeaf($0) }).enumerated() {
            onProgress("entry \(index + 1) of \(checkpoint.size)")
            switch leaf.kind {
            case .week: published.documents += try documents(.weekKeys(leaf.number), "keys")
            case .day: published.documents += try documents(.dayKeys(leaf.number), "keys")
            case .report: published.documents += try documents(.report(Slice(leaf.number)), "report")
            case .orders: try read(Slice(leaf.number), &published)
            case .chain: break
            }
        }
        try readOthers(&published)
        return published
    }

    /// What cannot be had is missing from what comes out; the auditor has something to say of that.
    private func documents(_ path: MarketPath, _ what: String, isList: Bool = false) throws -> [LoggedDocument] {
        guard let body = try client.fetch(path) else { return [] }
        guard let items = isList ? PublishedList.decode(body) : [body] else { throw Failure.malformed(what) }
        return try items.map { item in
            guard let document = try? LoggedDocument(item) else { throw Failure.malformed(what) }
            return document
        }
    }

    private func entries(_ size: Int) throws -> [[UInt8]] {
        try Tile.entries(from: 0, size: size).flatMap { tile -> [[UInt8]] in
            guard let body = try client.fetch(.tile(tile)), let entries = Tile.entries(body, count: tile.width) else {
                throw Failure.malformed("entries of its log")
            }
            return entries
        }
    }

    // MARK: a slice

    private func read(_ slice: Slice, _ published: inout Published) throws {
        if let ids = try client.fetch(.ids(slice)) {
            guard ids.count % 32 == 0 else { throw Failure.malformed("identifiers") }
            published.identifiers[slice] = stride(from: 0, to: ids.count, by: 32).map { Array(ids[$0..<$0 + 32]) }
        }
        if let beacon = try client.fetch(.beacon(slice)) {
            guard let record = try? BeaconRecord(beacon) else { throw Failure.malformed("beacon") }
            published.beacons[slice] = record
        }
        try readMotes(slice, &published)
        published.swaps[slice] = try list(.swaps, of: slice, .swaps(slice), &published) { SwapResult($0) }
        if let body = try client.fetch(.complaints(slice)) { published.lists[slice, default: [:]][.complaints] = body }
        published.revealed += witnesses.compactMap { witness in (try? witness.fetch(.revealed(slice))).flatMap { $0 }.flatMap { try? BeaconRecord($0) } }
    }

    private func readMotes(_ slice: Slice, _ published: inout Published) throws {
        published.offers[slice] = try list(.listings, of: slice, .listings(slice), &published) { try? Offer($0) }
        published.verdicts[slice] = try list(.certs, of: slice, .certs(slice), &published) { Verdict.decode($0) }.flatMap(\.self)
    }

    /// Slices without orders' root: in some a beacon could not be had, and motes were listed all the same; others are still to come, and motes
    /// that were swapped are listed for them.
    private func readOthers(_ published: inout Published) throws {
        let reports = published.documents.filter { $0.kind == .report }.compactMap { try? EpochReport($0.body) }
        let told = reports.flatMap { report in report.throttle.keys.flatMap { [$0, $0 - EpochReport.settling] } + report.lists.keys.map(\.slice) }
            + published.swaps.values.joined().map(\.request.first)
        for slice in Set(told).sorted() where slice.index >= 0 && published.offers[slice] == nil { try readMotes(slice, &published) }
    }

    private func list<Item>(
        _ list: EpochReport.List, of slice: Slice, _ path: MarketPath, _ published: inout Published, _ read: ([UInt8]) -> Item?
    ) throws -> [Item] {
        guard let body = try client.fetch(path) else { return [] }
        published.lists[slice, default: [:]][list] = body
        guard let items = PublishedList.decode(body) else { throw Failure.malformed(list.rawValue) }
        return try items.map { item in
            guard let item = read(item) else { throw Failure.malformed(list.rawValue) }
            return item
        }
    }
}
