internal import Exchange
internal import MarketLine
internal import Sealing

/// Answers what is asked over the line. Nothing here knows or keeps who asked.
struct MarketOffice: Sendable {
    let terms: MarketTerms
    let sealKey: Curve25519Key
    let intake: MarketIntake
    let records: MarketRecords
    let shelf: LogShelf
    let house: Locked<MarketHouse>
    /// Seconds since 1970.
    let now: @Sendable () -> Int64
    /// Told when the database fails, which nobody outside can help.
    let fail: @Sendable (any Error) -> Void

    func answer(_ request: MarketRequest) -> MarketResponse {
        do { return try reply(to: request) } catch {
            fail(error)
            return .busy
        }
    }

    private func reply(to request: MarketRequest) throws -> MarketResponse {
        switch request.path {
        case .order: return try order(request.body)
        case .answer: return try answer(to: request.body)
        case .offer: return Self.verdict(try offer(request.body))
        case .swap: return Self.verdict(try swap(request.body))
        case .proof: return Self.verdict(try proof(request.body))
        case .complaint: return Self.verdict(try complaint(request.body))
        case .cert: return try cert(request.body) ? .bytes([0]) : .badRequest
        case .chain: return try chain(request.body) ? .bytes([0]) : .badRequest
        case .addCheckpoint, .reveal, .revealed: return .notFound
        default: return try published(request.path)
        }
    }

    private var slice: Slice { terms.time.slice(at: now()) }

    // MARK: orders

    private func order(_ letter: [UInt8]) throws -> MarketResponse {
        guard let padded = OrderLetter.open(letter, with: sealKey, at: slice) else { return .bytes(OrderReceipt.refused.bytes) }
        switch try intake.take(padded, at: now()) {
        case .taken(let slice): return .bytes(OrderReceipt.taken(slice).bytes)
        case .refused: return .bytes(OrderReceipt.refused.bytes)
        case .full: return .bytes(OrderReceipt.full.bytes)
        }
    }

    private func answer(to id: [UInt8]) throws -> MarketResponse {
        guard id.count == AnswerLetter.questionBytes else { return .badRequest }
        let letter: AnswerLetter =
            switch try intake.answer(to: id, at: now()) {
            case .ready(let reply): .ready(reply)
            case .waits(let slice): .waits(slice)
            case .unknown: .unknown
            }
        return letter.bytes.map { .bytes($0) } ?? .busy
    }

    // MARK: motes

    /// Nothing, or why not.
    private static func verdict(_ refusal: Refusal?) -> MarketResponse { .bytes([refusal?.rawValue ?? 0]) }

    private func offer(_ body: [UInt8]) throws -> Refusal? {
        guard let offer = try? Offer(body) else { return .malformed }
        let slice = slice
        return try house.use { house in
            if try records.hasOffer(offer) { return nil }
            // Wallets take a mote that saw another log than they did for a proof that this exchange has two.
            guard house.log.wasShown(offer.keyRoot) else { return .malformed }
            if let refusal = try house.exchange.list(offer, at: slice), try refusal != .spent || !isHalfListed(offer, house) { return refusal }
            try records.add(offer)
            return nil
        }
    }

    /// Listed, and killed before its offer was kept.
    private func isHalfListed(_ offer: Offer, _ house: MarketHouse) throws -> Bool {
        guard Ed25519.verify(offer.signature, of: offer.signed, by: offer.mote), let listing = try house.store.inspect({ try $0.listing(offer.mote, at: offer.first) }) else { return false }
        return listing.first == offer.first && listing.last == offer.last && listing.bucket == offer.bucket && listing.size == offer.size
    }

    private func swap(_ body: [UInt8]) throws -> Refusal? {
        guard let request = try? SwapRequest(body) else { return .malformed }
        let slice = intake.isOpen(slice, at: now()) ? slice : slice + 1
        if let refusal = try house.use({ try $0.exchange.check(request, at: slice) }) { return refusal }
        try records.add(request, takenAt: slice)
        return nil
    }

    private func proof(_ body: [UInt8]) throws -> Refusal? {
        guard let proof = try? FraudProof(body) else { return .malformed }
        let slice = slice
        return try house.use { try $0.exchange.slash(proof, at: slice) }
    }

    /// One of each token; it counts for the slice of which the report is still to come.
    private func complaint(_ body: [UInt8]) throws -> Refusal? {
        guard let complaint = try? Complaint(body) else { return .malformed }
        let slice = slice
        return try house.use { house in
            if let refusal = try house.exchange.check(complaint, at: slice) { return refusal }
            try records.add(complaint, takenAt: max(intake.isOpen(slice, at: now()) ? slice : slice + 1, (records.lastCounted ?? Slice(-1)) + 1))
            return nil
        }
    }

    // MARK: witnesses

    /// Verdicts are taken of motes that are listed, for this slice and the one before it. Two that agree are a certificate.
    private func cert(_ body: [UInt8]) throws -> Bool {
        guard let verdicts = Verdict.decode(body) else { return false }
        let slice = slice, trust = terms.trust
        for verdict in verdicts where (slice - 1...slice).contains(verdict.slice) {
            guard let key = trust.witnesses[verdict.witness], verdict.isSigned(by: key) else { return false }
            try house.use { house in
                // A report may have told of the others.
                guard try verdict.slice > records.lastSettled ?? Slice(-1), try house.store.inspect({ try $0.listing(verdict.mote, at: verdict.slice) }) != nil else { return }
                try records.add(verdict)
                guard let isUp = Verdict.certificate(try records.verdicts(on: verdict.mote, at: verdict.slice), on: verdict.mote, at: verdict.slice, trust) else { return }
                try house.exchange.certify(verdict.mote, at: verdict.slice, isUp: isUp)
            }
        }
        return true
    }

    private func chain(_ body: [UInt8]) throws -> Bool {
        guard let chain = try? BeaconChain(body), let key = terms.trust.witnesses[chain.witness], chain.isSigned(by: key), chain.slices.upperBound > slice else { return false }
        return try house.use { try $0.addChain(chain) }
    }

    // MARK: what is published

    /// Not kept any more.
    private func isOver(_ slice: Slice) -> Bool { slice < self.slice - MarketForgetting.handedOut }

    private func published(_ path: MarketPath) throws -> MarketResponse {
        switch path {
        case .terms: return .text(terms.text)
        case .listings(let slice) where isOver(slice): return .notFound
        case .certs(let slice) where isOver(slice): return .notFound
        case .swaps(let slice) where isOver(slice): return .notFound
        case .listings(let slice): return slice > self.slice + 2 * MoteClass.slicesPerPermit ? .notFound : .bytes(try records.listingList(at: slice).body)
        case .certs(let slice): return .bytes(try records.certList(at: slice).body)
        case .swaps(let slice):
            guard try records.isFinished(slice), let ids = try identifiers(of: slice) else { return .notFound }
            return .bytes(try records.swapList(among: ids, at: slice).body)
        case .complaints(let slice):
            guard slice >= self.slice - EpochReport.List.complaints.slicesKept, try records.isFinished(slice) else { return .notFound }
            return .bytes(try records.complaintList(of: slice).body)
        case .ids(let slice): return try identifiers(of: slice).map { .bytes(Array($0.joined())) } ?? .notFound
        case .beacon(let slice): return try records.beacon(slice).map { .bytes($0.bytes) } ?? .notFound
        case .report(let slice): return try document(.report, slice.index)
        case .chains: return .bytes(PublishedList.encode(try shelf.chains))
        case .weekKeys(let week): return try document(.week, week)
        case .dayKeys(let day): return try document(.day, day)
        case .checkpoint: return try shelf.checkpoint.map { .text($0) } ?? .notFound
        case .tile(let rest): return try tile(rest)
        default: return .notFound
        }
    }

    private func identifiers(of slice: Slice) throws -> [[UInt8]]? {
        try intake.store.read { database in try database.row("SELECT ids FROM seal WHERE slice = ?", .slice(slice)).map { MarketDesk.split(try $0.bytes("ids")) } }
    }

    private func document(_ kind: LogLeaf.Kind, _ number: Int64) throws -> MarketResponse { try shelf.document(kind, number).map { .bytes($0) } ?? .notFound }

    private func tile(_ rest: String) throws -> MarketResponse {
        guard let tile = Tile(path: "tile/" + rest) else { return .notFound }
        guard tile.kind == .entries else { return house.use { $0.log.author.log.tile(tile) }.map { .bytes($0) } ?? .notFound }
        let first = tile.index * Tile.fullWidth
        return try shelf.entries(terms.origin, first..<first + tile.width).map { .bytes(Tile.encode($0)) } ?? .notFound
    }
}
