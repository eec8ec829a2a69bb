internal import Sealing

extension MarketAudit {
    private func table(of role: KeyRole) -> KeyTable? { tables.first { $0.table.span == KeyTable.Span(role) }?.table }

    // MARK: offers and what was found of them

    mutating func checkMotes() {
        let permits = Dictionary(tables.flatMap(\.table.keys).filter { $0.role.isPermit }.map { ($0.id, $0) }) { first, _ in first }
        for (slice, offers) in published.offers {
            for offer in offers where !isGenuine(offer, permits) { find(.motes, slice, "a mote is offered without its signature, a permit of that class, or its bucket's group") }
            if Set(offers.map(\.mote)).count != offers.count { find(.motes, slice, "a mote is offered twice") }
        }
        for (slice, verdicts) in published.verdicts {
            for verdict in verdicts where terms.trust.witnesses[verdict.witness].map({ verdict.isSigned(by: $0) }) != true || verdict.slice != slice {
                find(.motes, slice, "a verdict is not \(verdict.witness)'s")
            }
        }
        checkPermits(permits)
    }

    private func isGenuine(_ offer: Offer, _ permits: [KeyID: KeyTable.Key]) -> Bool {
        guard let id = KeyID(offer.permit.input.keyID), let key = permits[id], case .permit(let start, let size, _) = key.role, let publicKey = TokenPublicKey.decode(key.publicKey)
        else { return false }
        return size == offer.size && offer.first >= start && offer.last < start + MoteClass.slicesPerPermit && rules.groups[offer.bucket] == offer.group
            && offer.permit.input.challengeDigest == Challenges.permit(from: start).digest && offer.permit.isGenuine(publicKey)
            && Ed25519.verify(offer.signature, of: offer.signed, by: offer.mote)
    }

    /// I7: no more motes than permits, and no more permits than the throttle allowed.
    private mutating func checkPermits(_ permits: [KeyID: KeyTable.Key]) {
        var listed: [KeyRole: Set<[UInt8]>] = [:], allowed: [KeyRole: Int64] = [:], issued: [KeyRole: Int64] = [:]
        for offer in published.offers.values.joined() { if let role = KeyID(offer.permit.input.keyID).flatMap({ permits[$0]?.role }) { listed[role, default: []].insert(offer.mote) } }
        for report in reports {
            for (role, count) in report.permits { allowed[role, default: 0] += count }
            for (role, count) in report.counts where role.isPermit {
                issued[role] = count.issued
                if count.issued > allowed[role, default: 0] { find(.earnings, report.slice, "\(count.issued) permits were made of \(role), allowed were \(allowed[role, default: 0])") }
            }
        }
        guard !reports.isEmpty else { return }
        for (role, motes) in listed where motes.count > issued[role, default: 0] { find(.earnings, nil, "\(motes.count) motes are listed with \(issued[role, default: 0]) permits of \(role)") }
    }

    /// Two of three witnesses who agree that it was up.
    func wasUp(_ mote: [UInt8], _ slice: Slice) -> Bool { Verdict.certificate(published.verdicts[slice] ?? [], on: mote, at: slice, terms.trust) == true }

    // MARK: swaps

    /// Runs every clearing again.
    mutating func checkSwaps() {
        var taken: [(mote: [UInt8], slices: ClosedRange<Slice>, id: [UInt8])] = []
        for (slice, results) in published.swaps.sorted(by: { $0.key < $1.key }) {
            let ids = Set(published.identifiers[slice] ?? [])
            if results.contains(where: { !ids.contains($0.request.id) }) { find(.swaps, slice, "a swap was not among the sealed orders") }
            guard let beacon = published.beacons[slice]?.value else { continue }
            let own = results.map(\.request).filter { request in
                request.last >= slice && Ed25519.verify(request.signature, of: request.signed, by: request.mote)
                    && !taken.contains { $0.mote == request.mote && $0.id != request.id && $0.slices.overlaps(request.first...request.last) }
            }
            let expected = cleared(own, slice, beacon)
            for result in results where result.bucket != expected[result.request.id] { find(.swaps, slice, "a swap got \(result.bucket.map { "bucket \($0)" } ?? "nothing"), the clearing gives it \(expected[result.request.id].map { "bucket \($0)" } ?? "nothing")") }
            for result in results where result.bucket != nil { taken.append((result.request.mote, result.request.first...result.request.last, result.request.id)) }
        }
    }

    /// As `Exchange.clear` does, with the offers in place of the listings.
    private func cleared(_ requests: [SwapRequest], _ slice: Slice, _ beacon: [UInt8]) -> [[UInt8]: UInt8] {
        var offers: [MoteClass: [SwapOffer]] = [:]
        for request in Dictionary(grouping: requests, by: \.mote).compactMap({ $1.min { $0.id.lexicographicallyPrecedes($1.id) } }) {
            // One that was listed late is in no earlier list.
            let listed = ((published.offers[request.first] ?? []) + (published.offers[slice] ?? [])).first { $0.mote == request.mote && $0.first <= request.first && $0.last >= request.last }
            guard let listed, let offer = SwapOffer(id: request.id, gives: listed.bucket, accepts: request.accepts) else { continue }
            offers[listed.size, default: []].append(offer)
        }
        return offers.values.reduce(into: [:]) { all, offers in all.merge(Clearing.run(offers, beacon: beacon, leastFleet: rules.leastFleet)) { first, _ in first } }
    }
}

extension KeyRole {
    var isPermit: Bool { if case .permit = self { true } else { false } }
}
