internal import Sealing

extension MarketAudit {
    // MARK: what is published beside reports

    /// Each report has the digests of the lists of some slices: those that are handed out must be these, and a slice of which it has none had none.
    mutating func checkLists() {
        var before = Slice(-1)
        for report in reports {
            for (place, said) in report.lists { check(place, said, report) }
            let settled = report.slice - EpochReport.settling
            for (slice, lists) in published.lists where slice > before && slice <= settled {
                for list in [EpochReport.List.listings, .certs] where lists[list]?.isEmpty == false && report.lists[.init(list, of: slice)] == nil {
                    find(.reports, slice, "the \(list.rawValue) that are handed out are in no report")
                }
            }
            before = max(before, settled)
        }
    }

    private mutating func check(_ place: EpochReport.Place, _ said: EpochReport.Digested, _ report: EpochReport) {
        let isTimely = [.swaps, .complaints].contains(place.list) ? place.slice == report.slice : place.slice <= report.slice - EpochReport.settling
        if !isTimely { find(.reports, report.slice, "tells of the \(place.list.rawValue) of slice \(place.slice.index), which is not its to tell") }
        guard let body = published.lists[place.slice]?[place.list] else {
            if !isPast(place.slice, place.list) { find(.reports, place.slice, "the \(place.list.rawValue) of which a report tells cannot be had") }
            return
        }
        if said.digest != Digest.sha256(body) { find(.reports, place.slice, "the \(place.list.rawValue) that are handed out are not those of the report") }
    }

    /// So long ago that the exchange need not have its lists any more.
    private func isPast(_ slice: Slice, _ list: EpochReport.List) -> Bool { reports.last.map { slice < $0.slice - list.slicesKept } ?? false }

    // MARK: the throttle

    /// Runs the throttle again, from the first report on: what it went by is what was published, and permits are what it comes to.
    mutating func checkThrottle() {
        var law = PermitLaw(terms), before: Slice?, counts: [KeyRole: KeyCount] = [:]
        for report in reports {
            var expected: [KeyRole: Int64] = [:]
            for (slice, said) in report.throttle.sorted(by: { $0.key < $1.key }) {
                let (decision, permits) = law.decide(said.counts, at: slice)
                if decision != said { find(.throttle, slice, "the throttle comes to a target of \(Self.whole(decision.target)) motes and \(Self.whole(decision.permits)) permits, reported were \(Self.whole(said.target)) and \(Self.whole(said.permits))") }
                expected.merge(permits) { $1 }
                checkMotes(said.counts, slice)
            }
            if let odd = report.throttle.keys.first(where: { $0 > report.slice || isOld($0, before) }) { find(.throttle, odd, "is told of in the report of slice \(report.slice.index)") }
            if report.throttle[report.slice] == nil { find(.throttle, report.slice, "has no counts for the throttle") }
            for role in Set(expected.keys).union(report.permits.keys) where expected[role] != report.permits[role] {
                find(.throttle, report.slice, "\(report.permits[role] ?? 0) permits of \(role) are allowed, the throttle allows \(expected[role] ?? 0)")
            }
            checkTrade(report, counts)
            counts.merge(report.counts) { $1 }
            before = report.slice
        }
    }

    private func isOld(_ slice: Slice, _ before: Slice?) -> Bool { before.map { slice <= $0 } ?? false }

    private static func whole(_ thousandths: Int64) -> String { "\((thousandths + 500) / 1000)" }

    /// Motes that are listed, and what witnesses found. A mote may be listed while its slice runs, so of that only bounds are known.
    private mutating func checkMotes(_ counts: SliceCounts, _ slice: Slice) {
        let settled = slice - EpochReport.settling
        guard !isPast(settled, .certs), let listed = published.offers[slice] else { return }
        let known = (published.offers[settled] ?? []).filter { $0.last >= slice }
        func last(_ offers: [Offer]) -> Int64 { Int64(offers.count { $0.last == slice }) }
        if !(Int64(known.count)...max(Int64(known.count), Int64(listed.count))).contains(counts.live) || !(last(known)...max(last(known), last(listed))).contains(counts.ending) {
            find(.throttle, slice, "the throttle reckoned with \(counts.live) motes, of which \(counts.ending) end; listed are \(listed.count) and \(last(listed))")
        }
        let motes = (published.offers[settled] ?? []).map { (mote: $0.mote, size: $0.size) }
        let probed = ProbedShares(motes, published.verdicts[settled] ?? [], at: settled, terms.trust)
        if probed != counts.probed { find(.throttle, slice, "the throttle reckoned with \(counts.probed.sum) shares that witnesses found taken, they found \(probed.sum)") }
    }

    /// What was sold is what was made of keys for access since the report before; deposits are a part of what was taken in.
    private mutating func checkTrade(_ report: EpochReport, _ before: [KeyRole: KeyCount]) {
        var sold: Int64 = 0, taken: Int64 = 0, permits: Int64 = 0
        for (role, count) in report.counts {
            let old = before[role] ?? KeyCount()
            if case .access = role { (sold, taken) = (sold + count.issued - old.issued, taken + count.redeemed - old.redeemed) }
            if case .permit = role { permits += count.issued - old.issued }
        }
        let said = report.throttle.values.map(\.counts)
        let (soldSaid, deposited, wanted) = said.reduce((0, 0, 0)) { ($0.0 + $1.sold, $0.1 + $1.deposited, $0.2 + $1.wanted) }
        if soldSaid != sold { find(.throttle, report.slice, "the throttle reckoned with \(soldSaid) tokens that were sold, made were \(sold)") }
        if deposited > taken { find(.throttle, report.slice, "the throttle reckoned with \(deposited) deposits, taken in were \(taken) tokens") }
        if permits > wanted { find(.throttle, report.slice, "the throttle reckoned with \(wanted) who want a permit, made were \(permits)") }
    }
}
