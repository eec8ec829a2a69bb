import Foundation
import MarketHistories
import Testing

@Suite("Histories of the ledger")
struct HistoryTests {
    /// As many as make the room's tests short; `DUSTCLOUD_SEEDS` multiplies them.
    static let seeds = 96 * (ProcessInfo.processInfo.environment["DUSTCLOUD_SEEDS"].flatMap { Int($0) } ?? 1)
    static let parts = 8

    @Test("every unit is where the books say, at every kill, repetition, loss and skew", arguments: 0..<parts)
    func conserved(part: Int) {
        var kills = 0, carried = 0
        for seed in stride(from: part, to: Self.seeds, by: Self.parts) {
            var history = History(seed: UInt64(seed), store: MemoryStore())
            history.run(steps: 60)
            kills += history.kills
            carried += history.carriedOut
            #expect(history.complaints.isEmpty, "seed \(seed): \(history.complaints.first ?? "")")
            if !history.complaints.isEmpty { break }
        }
        // Otherwise nothing was tried.
        #expect(kills > Self.seeds / Self.parts && carried > Self.seeds / Self.parts * 5)
    }
}
