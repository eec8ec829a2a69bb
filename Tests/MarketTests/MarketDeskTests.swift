import Exchange
import Foundation
import Market
import Sealing
import Testing

@Suite("The exchange's desk")
struct MarketDeskTests {
    @Test("a slice's answers can all be read at once and none before")
    func releasedTogether() throws {
        let site = try DeskSite(), orders = try (1...3).map { try site.pack($0) }
        for (index, order) in orders.enumerated() {
            #expect(try site.desk.intake.take(try #require(Padding.pad(order.bytes)), at: site.start(Int64(index) * 200)) == .taken(site.slice))
        }
        #expect(try site.desk.seal(site.slice, at: site.start(599)) == nil)
        #expect(try site.desk.identifiers(of: site.slice) == nil)
        let seal = try #require(try site.desk.seal(site.slice, at: site.start(600)))
        #expect(try site.desk.seal(site.slice, at: site.start(700)) == seal)
        #expect(try Set(site.desk.identifiers(of: site.slice) ?? []) == Set(orders.map(\.id)))
        #expect(seal == OrdersSeal(slice: site.slice, ids: try #require(try site.desk.identifiers(of: site.slice))))
        try site.desk.settle(site.slice, beacon: [1])
        for order in orders { #expect(try site.desk.intake.answer(to: order.id, at: site.start(839)) == .waits(site.slice)) }
        let answers = try orders.map { try site.desk.intake.answer(to: $0.id, at: site.start(840)) }
        for answer in answers {
            guard case .ready(.carriedOut) = answer else { throw OrderError.malformed }
        }
        #expect(try site.desk.intake.answer(to: [1], at: site.start(840)) == .unknown)
    }

    @Test("an order that comes late, twice or after the seal is carried out once, in one slice")
    func late() throws {
        let site = try DeskSite(), order = try site.pack(1), padded = try #require(Padding.pad(order.bytes))
        #expect(try site.desk.intake.take(padded, at: site.start(600)) == .taken(site.slice + 1))
        #expect(try site.desk.intake.take(padded, at: site.start(900)) == .taken(site.slice + 1))
        let early = try #require(Padding.pad(try site.pack(2).bytes))
        _ = try site.desk.seal(site.slice, at: site.start(600))
        // A clock that went back does not open what was sealed.
        #expect(try site.desk.intake.take(early, at: site.start(10)) == .taken(site.slice + 1))
        #expect(try site.desk.intake.take([1, 2, 3], at: site.start(0)) == .refused)
        _ = try site.desk.seal(site.slice + 1, at: site.start(1500))
        try site.desk.settle(site.slice + 1, beacon: [1])
        try site.desk.settle(site.slice + 1, beacon: [1])
        let store = try MarketStore(path: site.folder + "/market.sqlite")
        #expect(try store.rows().entries.count == 2)
    }

    @Test("what was taken in before a restart is carried out after it, with the same answer as without")
    func restarted() throws {
        let site = try DeskSite(), order = try site.pack(1)
        _ = try site.desk.intake.take(try #require(Padding.pad(order.bytes)), at: site.start(0))
        try site.restart()
        _ = try site.desk.seal(site.slice, at: site.start(650))
        try site.restart()
        try site.desk.settle(site.slice, beacon: [2])
        guard case .ready(let answer) = try site.desk.intake.answer(to: order.id, at: site.start(899)) else { throw OrderError.malformed }
        // Forgotten at the desk, the order is in the ledger: it gets the same bytes.
        try site.desk.forget(before: site.slice + 200)
        #expect(try site.desk.intake.answer(to: order.id, at: site.start(899)) == .unknown)
        let later = site.slice + 200, seconds = MarketTime.usual.start(of: later)
        _ = try site.desk.intake.take(try #require(Padding.pad(order.bytes)), at: seconds)
        _ = try site.desk.seal(later, at: seconds + 600)
        try site.desk.settle(later, beacon: [3])
        #expect(try site.desk.intake.answer(to: order.id, at: seconds + 840) == .ready(answer))
    }
}
