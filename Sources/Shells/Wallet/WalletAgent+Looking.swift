internal import Exchange

extension WalletAgent {
    /// Slices of past certificates that are asked for at once.
    private static let certificatesLimit = 16
    private static let reportDelay: Int64 = 3

    /// What is published: once a slice, and a few times for those in a hurry.
    func look(at slice: Slice, now: Int64) throws {
        let last = try store.number("looked") ?? 0
        let isNew = terms.time.slice(at: max(terms.time.epoch, last)) < slice || last > now
        guard isNew || lookedBefore == nil || rules.isHurried && now - last >= max(1, terms.time.sliceSeconds / 2) else { return }
        try learnKeys(slice)
        try lookAtListings(slice + 1...slice + rules.slicesAhead)
        for past in try store.certificatesMissing(before: slice, limit: Self.certificatesLimit) { try lookAtCertificates(past) }
        try lookAtSwaps(slice, now)
        // A report can be had when two witnesses have seen it in the log.
        if isNew { try lookAtReport(slice - Self.reportDelay) }
        try store.set("looked", now)
        lookedBefore = now
        isStirred = true
    }

    // MARK: keys

    private func learnKeys(_ slice: Slice) throws {
        if !hasBook {
            for document in try store.documents() { try accept(document, slice) }
            hasBook = true
        }
        for span in [KeyTable.Span.week(slice.week), .day(slice.day), .day((slice + rules.slicesAhead).day)] where !book.has(span) {
            guard let found = try attempt("keys cannot be had", { try port.keys(span) }), let document = found else { continue }
            try accept(document, slice)
            if book.has(span) { try store.put(document) }
        }
    }

    private func accept(_ document: LoggedDocument, _ slice: Slice) throws {
        do throws(KeyBook.Refusal) {
            try book.accept(document, at: slice)
            if document.checkpoint.size > newest?.checkpoint.size ?? -1 { newest = document }
        } catch { onNews("the keys of \(document.kind.rawValue) \(document.number) are not believed: \(error)") }
    }

    // MARK: the market

    private func lookAtListings(_ slices: ClosedRange<Slice>) throws {
        var listed: [(slice: Slice, offers: [Offer])] = []
        for slice in slices {
            guard let found = try attempt("listings cannot be had", { try port.listings(slice) }), let offers = found else { continue }
            listed.append((slice, offers.filter { MoteAddress($0.address) != nil && ($0.first...max($0.first, $0.last)).contains(slice) }))
        }
        try compareLogs(listed.flatMap(\.offers))
        for (slice, offers) in listed { try store.put(listings: offers.filter { roots?.contains($0.keyRoot) == true }, slice) }
    }

    private func lookAtCertificates(_ slice: Slice) throws {
        guard let found = try attempt("certificates cannot be had", { try port.certificates(slice) }), let words = found else { return }
        try store.put(certificates: words, slice)
    }

    private func lookAtReport(_ slice: Slice) throws {
        guard let found = try attempt("reports cannot be had", { try port.report(slice) }), let report = found else { return }
        try store.put(report, slice)
    }

    private func lookAtSwaps(_ slice: Slice, _ now: Int64) throws {
        let asked = try store.swapsAsked()
        guard !asked.isEmpty else { return }
        for past in [slice - 2, slice - 1, slice] {
            guard let found = try attempt("swaps cannot be had", { try port.swaps(past) }), let results = found else { continue }
            for (lot, id) in asked {
                guard let result = results.first(where: { $0.request == id }) else { continue }
                try store.matched(lot, bucket: result.bucket, now: now)
            }
        }
    }
}
