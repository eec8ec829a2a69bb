package import Ambience
internal import Leasing
package import Prices

/// What motes cost, how long they were there, and whom they served.
///
/// Whom they served is an estimate. Nobody knows whose a circuit is, nor should anybody: so what the owner's own client moved in a day is held
/// against what all motes say that they moved. Each byte of the client's passes three motes, each of which reads and writes it, so the client's
/// bytes count six times. The owner's share of the bytes of a day is taken for the owner's share of every mote's time on that day. What remains was
/// given to others: other people's traffic, and what the network needs itself, documents and tests, which nobody counts apart. The client also
/// fetches documents, over one mote or none, so the owner's share is rather too large than too small.
package struct UsageReport: Equatable, Sendable {
    package enum Grouping: String, CaseIterable, Sendable { case mote, day, provider, payer }

    package struct Line: Equatable, Sendable {
        package let label: String
        package fileprivate(set) var motes = 0
        package fileprivate(set) var livedSeconds: Int64 = 0
        package fileprivate(set) var paidSeconds: Int64 = 0
        package fileprivate(set) var ownerSeconds: Int64 = 0
        package fileprivate(set) var relayedBytes: Int64 = 0
        package fileprivate(set) var ownerBytes: Int64 = 0
        /// Exact.
        package fileprivate(set) var cost = Purse()

        package var givenSeconds: Int64 { livedSeconds - ownerSeconds }
        package var givenBytes: Int64 { relayedBytes - ownerBytes }
        /// Paid for and not lived, because time is sold in grains.
        package var idleSeconds: Int64 { max(0, paidSeconds - livedSeconds) }
    }

    package private(set) var lines: [Line] = []
    package private(set) var total = Line(label: "all")
    /// Motes that cost more than they were promised at, and by how much in all.
    package private(set) var excess = Purse()

    /// Motes on a client's path, times two: each reads and writes every byte.
    package static let crossings: Int64 = 6

    /// Of the days in `days`, counted as `WallTime.day`.
    package init(_ motes: [MoteUsage], _ traffic: [Traffic], days: ClosedRange<Int64>, by grouping: Grouping, now: WallTime) {
        let book = TrafficBook(traffic.filter { days.contains($0.day) })
        var groups: [String: Line] = [:]
        for mote in motes {
            let cells = Self.cells(mote, book, days, now)
            if cells.isEmpty { continue }
            for cell in cells.values { total.add(cell) }
            total.motes += 1
            let excess = mote.excess(now)
            if excess > .zero, let currency = mote.tariff?.currency { self.excess.add(excess, currency) }
            for (label, cells) in Dictionary(grouping: cells, by: { Self.label(grouping, mote, $0.key) }) {
                for (_, cell) in cells { groups[label, default: Line(label: label)].add(cell) }
                groups[label]?.motes += 1
            }
        }
        lines = groups.values.sorted { $0.label < $1.label }
    }

    private static func label(_ grouping: Grouping, _ mote: MoteUsage, _ day: Int64) -> String {
        switch grouping {
        case .mote: mote.key.description
        case .day: WallTime(day: day).dayText
        case .provider: mote.site.provider
        case .payer: mote.site.payer.isEmpty ? "nobody" : mote.site.payer
        }
    }

    /// One mote on one day.
    fileprivate struct Cell {
        let share: MoteUsage.Share
        let currency: Currency?
        let bytes: Int64
        /// The owner's part, as a fraction.
        let owner: (part: Int64, whole: Int64)
    }

    private static func cells(_ mote: MoteUsage, _ book: TrafficBook, _ days: ClosedRange<Int64>, _ now: WallTime) -> [Int64: Cell] {
        var cells: [Int64: Cell] = [:]
        for (day, share) in mote.shares(now) where days.contains(day) {
            cells[day] = Cell(share: share, currency: mote.tariff?.currency, bytes: book.bytes(mote.key, day), owner: book.owner(day))
        }
        return cells
    }
}

extension UsageReport.Line {
    fileprivate mutating func add(_ cell: UsageReport.Cell) {
        func owned(_ whole: Int64) -> Int64 { Int64(Int128(whole) * Int128(cell.owner.part) / Int128(max(1, cell.owner.whole))) }
        livedSeconds += cell.share.livedSeconds
        paidSeconds += cell.share.paidSeconds
        ownerSeconds += owned(cell.share.livedSeconds)
        relayedBytes += cell.bytes
        ownerBytes += owned(cell.bytes)
        if let currency = cell.currency { cost.add(cell.share.cost, currency) }
    }
}

/// Traffic by mote and day.
private struct TrafficBook {
    private var motes: [MoteKey: [Int64: Int64]] = [:]
    private var relayed: [Int64: Int64] = [:]
    private var client: [Int64: Int64] = [:]

    init(_ traffic: [Traffic]) {
        for entry in traffic {
            guard let key = entry.key else { client[entry.day, default: 0] += entry.bytes; continue }
            motes[key, default: [:]][entry.day, default: 0] += entry.bytes
            relayed[entry.day, default: 0] += entry.bytes
        }
    }

    func bytes(_ key: MoteKey, _ day: Int64) -> Int64 { motes[key]?[day] ?? 0 }

    func owner(_ day: Int64) -> (part: Int64, whole: Int64) {
        let whole = relayed[day] ?? 0
        return (min(whole, (client[day] ?? 0) * UsageReport.crossings), whole)
    }
}
