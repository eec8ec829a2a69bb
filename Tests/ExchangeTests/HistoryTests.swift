import Foundation
import MarketHistories
import Testing

@Suite("Histories of the ledger")
struct HistoryTests {
    /// `DUSTCLOUD_SEEDS` multiplies what keeps the room's tests short: 210 of it are 10,080 histories and 100,800 sets of tokens.
    private static let times = max(1, ProcessInfo.processInfo.environment["DUSTCLOUD_SEEDS"].flatMap { Int($0) } ?? 1)
    private static let parts = 8
    private static let histories = 48 * times / parts
    private static let races = 40 * times / parts
    /// `DUSTCLOUD_HISTORY_SEED=n` plays one history again, alone.
    private static let single = ProcessInfo.processInfo.environment["DUSTCLOUD_HISTORY_SEED"].flatMap { UInt64($0) }
    /// Tokens that an order asks for, for it to be killed at each of its statements: of those that are not bought in large numbers, every shape.
    private static let killedEverywhere = 12

    @Test("every unit is where the books say, at every kill, repetition, loss, skew and restored backup", arguments: 0..<parts)
    func conserved(part: Int) {
        var kills = 0, carried = 0, restores = 0, everywhere = 0
        let seeds = Self.single.map { $0 % UInt64(Self.parts) == UInt64(part) ? [$0] : [] } ?? (0..<Self.histories).map { UInt64($0 * Self.parts + part) }
        for seed in seeds {
            let store = MemoryStore()
            var history = History(seed: seed, store: store, backup: store.backup, killedEverywhere: Self.killedEverywhere)
            history.run(steps: 60)
            (kills, carried, restores) = (kills + history.kills, carried + history.carriedOut, restores + history.restores)
            everywhere += history.shapesKilledEverywhere
            #expect(history.complaints.isEmpty, "seed \(seed): \(history.complaints.first ?? "")")
        }
        if Self.times > 1 {
            print("part \(part): \(Self.histories) histories, \(carried) orders carried out, \(everywhere) of them killed at each statement, \(kills) kills, \(restores) restored backups")
        }
        // Otherwise nothing was tried.
        #expect(Self.single != nil || kills > 20 * Self.histories && carried > 5 * Self.histories && everywhere > Self.histories && restores > 0)
    }

    @Test("a token is paid for once at most, however its deposits and refunds race, come late, come twice or are killed", arguments: 0..<parts)
    func races(part: Int) {
        var deposits = 0, refunds = 0, kills = 0
        for number in 0..<Self.races {
            let seed = number * Self.parts + part
            var race = TokenRace(seed: UInt64(seed))
            #expect(race.run(steps: 60) <= 1, "seed \(seed)")
            (deposits, refunds, kills) = (deposits + race.deposits, refunds + race.refunds, kills + race.kills)
        }
        if Self.times > 1 { print("part \(part): \(Self.races * TokenRace.sets) sets of tokens, \(deposits) deposits, \(refunds) refunds, \(kills) kills") }
        #expect(deposits > 0 && refunds > 0 && kills > 0)
    }
}
