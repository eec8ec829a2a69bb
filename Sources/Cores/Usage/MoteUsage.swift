package import Ambience
package import Leasing
package import Prices

/// What one mote was promised at, how long its machines existed, and what that cost.
///
/// A machine is taken to exist from when it is ordered until it is proven gone: never shorter than its provider bills it.
package struct MoteUsage: Equatable, Codable, Sendable {
    package let key: MoteKey
    package let lifetimeClass: LifetimeClass
    package let site: Site
    package let intended: WallTime
    package let ceiling: Money?
    /// As it was when the mote was intended; `nil` where nothing is paid.
    package let tariff: Tariff?
    /// One for each machine that was ordered; `FleetPolicy.attemptsLimit` bounds them.
    package private(set) var spans: [Span] = []
    package private(set) var isOver = false
    /// What it sent so far, as it says itself.
    package var sentBytes: Int64 = 0

    package struct Span: Equatable, Codable, Sendable {
        package let from: WallTime
        /// `nil` while the machine may exist.
        package fileprivate(set) var until: WallTime?
    }

    package init(_ lease: Lease, tariff: Tariff?) {
        (key, lifetimeClass, site, intended, ceiling) = (lease.key, lease.lifetimeClass, lease.site, lease.intended, lease.ceiling)
        self.tariff = tariff
    }

    /// Takes a step of the mote's life. One that was taken before, or comes after its end, changes nothing.
    package mutating func take(_ event: MoteEvent) {
        guard !isOver else { return }
        switch event.change {
        case .starting:
            close(event.at)
            spans.append(Span(from: event.at))
        case .gone:
            close(event.at)
            isOver = true
        default: break
        }
    }

    private mutating func close(_ at: WallTime) {
        if let last = spans.indices.last, spans[last].until == nil { spans[last].until = max(at, spans[last].from) }
    }

    // MARK: What it comes to

    private func seconds(_ span: Span, _ now: WallTime) -> Int64 { max(0, (span.until ?? now) - span.from) }

    /// How long its machines existed.
    package func livedSeconds(_ now: WallTime) -> Int64 { spans.reduce(0) { $0 + seconds($1, now) } }

    /// What of that, and of the grains around it, is billed; without a tariff, as long as it lived.
    package func paidSeconds(_ now: WallTime) -> Int64 {
        spans.reduce(0) { $0 + (tariff?.paidSeconds(for: seconds($1, now)) ?? seconds($1, now)) }
    }

    /// What it cost so far, if its machine ended now: each machine and its address by itself, what was sent over all of them.
    package func cost(_ now: WallTime) -> Money? {
        guard let tariff else { return nil }
        let standing = spans.map { tariff.charge(seconds: seconds($0, now), sentBytes: 0) }.reduce(Amount.zero) { $0 + $1.machine + $1.address }
        return Money(standing + tariff.sending(sentBytes, paidSeconds: paidSeconds(now)), tariff.currency)
    }

    /// What counts against the budget: its ceiling while it may exist, or more if it has already cost more; what it cost once it is over.
    package func committed(_ now: WallTime) -> Money? {
        guard let ceiling else { return nil }
        guard let cost = cost(now) else { return isOver && spans.isEmpty ? Money(.zero, ceiling.currency) : ceiling }
        return isOver ? cost : Money(max(ceiling.amount, cost.amount), ceiling.currency)
    }

    /// By how much it cost more than it was promised at: it sent more than was expected, or was not ended in time.
    package func excess(_ now: WallTime) -> Amount { (cost(now)?.amount ?? .zero) - (ceiling?.amount ?? .zero) }
}

// MARK: Day by day

extension MoteUsage {
    /// What falls on one day. The days' shares add up to the whole, to the last decimal.
    struct Share: Equatable {
        var livedSeconds: Int64 = 0
        var paidSeconds: Int64 = 0
        var cost = Amount.zero
    }

    /// By the UTC day, as the time that its machines existed is spread over the days.
    func shares(_ now: WallTime) -> [Int64: Share] {
        var lived: [Int64: Int64] = [:]
        for span in spans { Self.spread(span.from, span.until ?? now, into: &lived) }
        let all = lived.values.reduce(0, +), paid = paidSeconds(now), cost = cost(now)?.amount ?? .zero
        // A machine that was there for less than a second costs all the same.
        guard all > 0 else { return spans.first.map { [$0.from.day: Share(livedSeconds: 0, paidSeconds: paid, cost: cost)] } ?? [:] }
        var shares: [Int64: Share] = [:]
        var before: Int64 = 0
        for (day, seconds) in lived.sorted(by: { $0.key < $1.key }) {
            func part(_ whole: Int64, _ until: Int64) -> Int64 { Int64(Int128(whole) * Int128(until) / Int128(all)) }
            shares[day] = Share(
                livedSeconds: seconds, paidSeconds: part(paid, before + seconds) - part(paid, before),
                cost: cost.times(before + seconds, over: all) - cost.times(before, over: all))
            before += seconds
        }
        return shares
    }

    private static func spread(_ from: WallTime, _ until: WallTime, into days: inout [Int64: Int64]) {
        var at = from
        while at < until {
            let end = min(until, WallTime(day: at.day + 1))
            days[at.day, default: 0] += end - at
            at = end
        }
    }
}

extension WallTime {
    /// Days since 1970-01-01, UTC.
    package var day: Int64 { (secondsSinceEpoch - secondOfDay) / 86400 }

    package init(day: Int64) { self.init(secondsSinceEpoch: day * 86400) }

    /// `2026-11-21`
    package var dayText: String { String(description.prefix(10)) }
}
