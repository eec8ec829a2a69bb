import Ambience
import Testing

@testable import Mixing

@Suite("Reports of what became of letters")
struct ReportTests {
    private let start = MixTime(milliseconds: 1_000_000)
    private static let id = ParcelID([UInt8](repeating: 5, count: 16))!

    /// A way back that begins at this mote.
    private func block(by first: Teller, to other: Teller) throws -> [UInt8] {
        let route = [MixHop(id: first.own, publicKey: first.key.publicKey, delayMilliseconds: 10), MixHop(id: other.own, publicKey: other.key.publicKey, delayMilliseconds: 10)]
        return try Sphinx.replyBlock(route: route, to: other.own, id: #require(ReplyID(first.bytes.take(ReplyID.bytesCount)))) { first.bytes.take($0) }.block.encoded
    }

    private func map(_ tellers: [Teller]) -> MixMap { MixMap(tellers.map(\.peer), layers: 3) }

    /// Turns until the report is on its way; what leaves before, cover, arrives.
    private func send(_ teller: inout Teller, from now: MixTime) -> MixTime {
        var now = now
        while now - start < 600_000 {
            now = now + 50
            teller.turn(at: now)
            if teller.station.outbox.waiting == 0, teller.station.reports.values.allSatisfy(\.isPlaced) { break }
            land(&teller, at: now)
        }
        return now
    }

    private func land(_ teller: inout Teller, at now: MixTime) {
        let batches = teller.sent
        teller.sent = []
        for (mote, packets) in batches { teller.station.landed(mote, packets.map { _ in .held }, at: now) }
        teller.perform(at: now)
    }

    @Test("are promised once they are written down, wait for their slot across kills, and are forgotten once the first mote on their way has them")
    func kept() throws {
        var here = Teller(1)
        let others = (2...5).map { Teller($0) }
        let way = try block(by: others[0], to: others[1])
        here.station.follow(map([here] + others), at: start)
        here.station.report(Self.id, [1, 2, 3], returning: way)
        #expect(here.accepted.isEmpty)
        here.perform(at: start)
        #expect(here.accepted == [true] && here.reportsOnDisk == 1)
        here.station.report(Self.id, [1, 2, 3], returning: way)
        here.perform(at: start)
        #expect(here.accepted == [true, true] && here.station.reports.count == 1, "the same again")
        here.restart(at: start)
        #expect(here.station.reports[Self.id]?.content == [1, 2, 3])
        here.station.follow(map([here] + others), at: start)
        let now = send(&here, from: start)
        #expect(here.station.outbox.waiting == 0 && here.reportsOnDisk == 1, "not before that mote says so")
        #expect(here.sent.contains { $0.to == others[0].own })
        land(&here, at: now)
        #expect(here.station.reports.isEmpty && here.reportsOnDisk == 0)
    }

    @Test("take another way if the first one is refused, and become letters for boxes when no way is left")
    func otherWays() throws {
        var here = Teller(1)
        let others = (2...5).map { Teller($0) }
        here.station.follow(map([here] + others), at: start)
        here.station.report(Self.id, [1], returning: try block(by: others[0], to: others[1]) + block(by: others[1], to: others[0]))
        here.perform(at: start)
        here.station.placeReports(at: start)
        here.station.reportLanded(Self.id, by: others[0].own, false)
        #expect(here.station.reports[Self.id]?.ways.map(\.firstHop) == [others[1].own] && here.station.reports[Self.id]?.isPlaced == false)
        here.station.reportLanded(Self.id, by: others[1].own, false)
        here.turn(at: start + 10)
        #expect(here.handed == [Self.id: .lay] && here.station.reports.isEmpty && here.reportsOnDisk == 1)
        here.station.settled(Self.id)
        here.perform(at: start + 20)
        #expect(here.reportsOnDisk == 0 && here.station.isEmpty)
    }

    @Test("wait ten minutes for a mote that is not listed, and no longer")
    func missing() throws {
        var here = Teller(1)
        let others = (2...6).map { Teller($0) }
        here.station.follow(map([here] + others.dropFirst()), at: start)
        here.station.report(Self.id, [1], returning: try block(by: others[0], to: others[1]))
        here.perform(at: start)
        here.turn(at: start + 10)
        here.turn(at: start + 600_000)
        #expect(here.handed.isEmpty && here.station.reports.count == 1)
        here.turn(at: start + 600_020)
        #expect(here.handed == [Self.id: .lay])
    }

    @Test("go to a successor when their mote leaves, who tells them")
    func inherited() throws {
        var here = Teller(1), heir = Teller(2)
        let other = Teller(3)
        here.station.follow(map([here, heir, other]), at: start)
        heir.station.follow(map([heir, other]), at: start)
        here.station.report(Self.id, [1, 2], returning: try block(by: other, to: heir))
        here.perform(at: start)
        here.station.follow(MixMap([heir.peer], layers: 3), at: start)
        here.station.leave()
        #expect(!here.station.isEmpty)
        var now = start
        for _ in 0..<20 where !here.station.isEmpty {
            now = now + 100
            here.turn(at: now)
            for (_, packets) in here.sent { heir.station.take(packets, batch: 1, at: now) }
            heir.perform(at: now)
            land(&here, at: now)
        }
        heir.turn(at: now + 10)
        #expect(here.station.isEmpty && here.reportsOnDisk == 0)
        #expect(heir.station.reports[Self.id]?.content == [1, 2] && heir.station.reports[Self.id]?.ways.map(\.firstHop) == [other.own] && heir.reportsOnDisk == 1)
    }

    @Test("that are too long, have no way, or are one too many are refused")
    func refused() throws {
        var here = Teller(1)
        let way = try block(by: Teller(2), to: Teller(3))
        here.station.report(Self.id, [UInt8](repeating: 1, count: 4_096), returning: way)
        here.station.report(Self.id, [1], returning: Array(way.dropLast()))
        for number in 0...MixStation.reportsLimit { here.station.report(ParcelID([UInt8(number >> 8), UInt8(number & 255)] + [UInt8](repeating: 0, count: 14))!, [1], returning: way) }
        here.perform(at: start)
        #expect(here.accepted.count { !$0 } == 3 && here.accepted.count { $0 } == MixStation.reportsLimit)
    }
}
