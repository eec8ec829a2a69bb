package import Exchange
package import MarketLine
internal import Sealing

/// The exchange over the network. Every question is a connection of its own, through the client's SOCKS port a circuit of its own.
package struct LinePort: MarketPort {
    private let client: MarketClient
    private let terms: MarketTerms
    private let now: @Sendable () -> Int64

    /// `nil` if the terms' address is none.
    ///
    /// - Parameter now: seconds since 1970.
    package init?(_ terms: MarketTerms, _ route: MarketClient.Route, now: @escaping @Sendable () -> Int64) {
        guard let client = MarketClient(terms.address, route) else { return nil }
        (self.client, self.terms, self.now) = (client, terms, now)
    }

    package func send(_ order: [UInt8]) throws -> Slice? {
        guard case .taken(let slice) = try client.send(order, to: terms.sealKey, at: terms.time.slice(at: now())) else { return nil }
        return slice
    }

    package func answer(to id: [UInt8]) throws -> PortAnswer {
        switch try client.answer(to: id) {
        case .ready(let reply): .ready(reply)
        case .waits: .waits
        case .unknown: .unknown
        }
    }

    package func keys(_ span: KeyTable.Span) throws -> LoggedDocument? {
        let path: MarketPath = switch span { case .week(let week): .weekKeys(week); case .day(let day): .dayKeys(day) }
        return try client.fetch(path).flatMap { try? LoggedDocument($0) }
    }

    package func checkpoint() throws -> Checkpoint? { try client.fetch(.checkpoint).flatMap { try? Checkpoint(String(decoding: $0, as: UTF8.self)) } }

    package func tile(_ tile: Tile) throws -> [UInt8]? { try client.fetch(.tile(tile)) }

    package func listings(_ slice: Slice) throws -> [Offer]? { try list(.listings(slice)).map { $0.compactMap { try? Offer($0) } } }

    /// Two witnesses that say the same are a certificate.
    package func certificates(_ slice: Slice) throws -> [(mote: [UInt8], isUp: Bool)]? {
        guard let verdicts = try list(.certs(slice))?.compactMap({ Verdict.decode($0) }).joined() else { return nil }
        return Dictionary(grouping: verdicts, by: \.mote).compactMap { mote, verdicts in
            Verdict.certificate(verdicts, on: mote, at: slice, terms.trust).map { (mote, $0) }
        }
    }

    package func swaps(_ slice: Slice) throws -> [(request: [UInt8], bucket: UInt8)]? {
        try list(.swaps(slice))?.compactMap { SwapResult($0) }.compactMap { result in result.bucket.map { (result.request.id, $0) } }
    }

    package func list(_ offer: Offer) throws -> Refusal? { try refusal(.offer, offer.bytes) }
    package func swap(_ request: SwapRequest) throws -> Refusal? { try refusal(.swap, request.bytes) }
    package func prove(_ proof: FraudProof) throws -> Refusal? { try refusal(.proof, proof.bytes) }
    package func complain(_ complaint: Complaint) throws -> Refusal? { try refusal(.complaint, complaint.bytes) }

    /// One byte: 0, or the refusal.
    private func refusal(_ path: MarketPath, _ body: [UInt8]) throws -> Refusal? {
        let answer = try client.post(path, body)
        guard let code = answer.first, answer.count == 1, code == 0 || Refusal(rawValue: code) != nil else { throw MarketLineError.unexpected(path, status: 200) }
        return Refusal(rawValue: code)
    }

    /// Sources are packs that were paid, by what the account of payments grew, and deposits. Complaints are those of which the report has the digest.
    package func report(_ slice: Slice) throws -> SliceReport? {
        guard let now = try epochReport(slice), let before = try epochReport(slice - 1) else { return nil }
        let packs = ((before.accounts[.prepaid] ?? 0) - (now.accounts[.prepaid] ?? 0)) / Shape.packValue
        let sources = Int(max(0, packs)) + now.hidden.reduce(0) { $0 + ($1.shape == .deposit ? $1.orders : 0) }
        return SliceReport(sources: sources, complaints: try complaints(slice, now))
    }

    private func complaints(_ slice: Slice, _ report: EpochReport) throws -> [ComplaintCount] {
        guard let said = report.lists[EpochReport.Place(.complaints, of: slice)], said.count > 0, let body = try client.fetch(.complaints(slice)), Digest.sha256(body) == said.digest else { return [] }
        return (PublishedList.decode(body) ?? []).compactMap { ComplaintCount($0) }
    }

    private func epochReport(_ slice: Slice) throws -> EpochReport? {
        guard let document = try client.fetch(.report(slice)).flatMap({ try? LoggedDocument($0) }), document.kind == .report, document.number == slice.index,
            document.loggedAt(terms.trust) != nil
        else { return nil }
        return try? EpochReport(document.body)
    }

    private func list(_ path: MarketPath) throws -> [[UInt8]]? { try client.fetch(path).flatMap { PublishedList.decode($0) } }
}
