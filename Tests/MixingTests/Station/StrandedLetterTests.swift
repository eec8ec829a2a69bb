import Testing

@testable import Mixing

@Suite("Letters whose gateway ends while shares of them wait")
struct StrandedLetterTests {
    private let start = MixTime(milliseconds: 1_000_000)
    private let bytes = SeededSource(11)

    private func peer(_ ends: MixTime, isExit: Bool = false) -> MixPeer {
        MixPeer(id: MixID(bytes.take(32))!, publicKey: MixKey(secret: bytes.take(32))!.publicKey, ends: ends, isExit: isExit)
    }

    /// Seals a letter of one share, lets `sent` of its shares leave, and then a new gateway come and the old one be too near its end. How often it was cut in all.
    private func cuts(afterSending sent: Int) throws -> (cuts: Int, waiting: Int) {
        var settings = MixStation.Settings()
        (settings.layout, settings.delays, settings.packetsPerSecond) = (StationWorld.layout, MixDelays(meanMilliseconds: 1_000), 5)
        let others = (0..<9).map { _ in peer(MixTime(milliseconds: .max)) }, ending = peer(start + 60_000, isExit: true), key = MixKey(secret: bytes.take(32))!
        let own = MixPeer(id: MixID(bytes.take(32))!, publicKey: key.publicKey, ends: MixTime(milliseconds: .max))
        var station = MixStation(own: own.id, key: key, settings: settings, at: start) { [bytes] in bytes.take($0) }, now = start, cuts = 0
        func turn() {
            station.turn(at: now)
            while case let effects = station.takeEffects(), !effects.isEmpty {
                for effect in effects {
                    if case .store(let ticket?, _) = effect { station.stored(ticket, true, at: now) }
                    guard case .work(let work) = effect else { continue }
                    cuts += 1
                    station.worked(work.run(), at: now)
                }
            }
        }
        station.follow(MixMap(others + [own, ending], layers: 3), at: now)
        let id = try #require(ParcelID(bytes.take(16)))
        station.accept(id, Errand(task: .deliver, since: now, note: [], content: bytes.take(100)))
        for _ in 0..<3 { turn() }
        let letter = try #require(station.outgoing[id]), shares = station.outbox.waiting(of: letter.landed.letter)
        #expect(cuts == 1 && letter.parities > 0 && shares == letter.parities + 1)
        while station.outbox.waiting(of: letter.landed.letter) > shares - sent, now < start + 20_000 {
            now = now + 10
            turn()
        }
        #expect(station.outbox.waiting(of: letter.landed.letter) == shares - sent)
        now = start + 55_000
        station.follow(MixMap(others + [own, ending, peer(MixTime(milliseconds: .max), isExit: true)], layers: 3), at: now)
        for _ in 0..<3 { turn() }
        return (cuts, station.outgoing[id].map { station.outbox.waiting(of: $0.landed.letter) } ?? 0)
    }

    @Test("go to another one as long as it cannot have arrived")
    func again() throws {
        let (cuts, waiting) = try cuts(afterSending: 0)
        #expect(cuts == 2 && waiting > 1)
    }

    @Test("wait for its answer once it may have arrived, or it would end at two")
    func maybeThere() throws {
        let (cuts, waiting) = try cuts(afterSending: 1)
        #expect(cuts == 1 && waiting == 0)
    }

    @Test("and those of which the first mote on the way does not answer find others, when an answer should have been there")
    func silentMote() throws {
        var mote = Teller(1), now = start
        let others = (2...5).map { Teller($0).peer }, id = try #require(ParcelID(bytes.take(16)))
        mote.station.follow(MixMap([mote.peer] + others, layers: 3), at: now)
        mote.station.accept(id, Errand(task: .deliver, since: now, note: [], content: bytes.take(60_000)))
        for _ in 0..<3 { mote.turn(at: now) }
        let shares = mote.station.outbox.waiting, silent = others[0].id
        while mote.station.outgoing[id]?.left == nil, now < start + 60_000 {
            now = now + 10
            mote.turn(at: now)
            for (target, packets) in mote.sent where target != silent { mote.station.landed(target, packets.map { _ in .held }, at: now) }
            mote.sent = []
        }
        let (name, landed) = try #require(mote.station.outgoing[id].map { ($0.landed.letter, $0.landed.count) })
        #expect(mote.station.outgoing[id]?.left == now && landed > 0 && landed < shares)
        now = now + 500_000
        mote.turn(at: now)
        #expect(mote.station.outbox.waiting(of: name) == 0)
        now = now + 500_000
        for _ in 0..<3 { mote.turn(at: now) }
        #expect(mote.station.outgoing[id]?.course.attempts == 1 && mote.station.outbox.waiting(of: name) == shares - landed)
    }

    @Test(
        "are not sent to another one before theirs has ended, if that is near, for they may still come there",
        arguments: [
            (MixTime(milliseconds: 1_000_000), [(900_000, 1), (1_004_000, 1), (1_006_000, 2)]),
            (MixTime(milliseconds: 1_000_000_000), [(900_000, 2)]), (MixTime(milliseconds: .max), [(900_000, 2)]),
        ] as [(MixTime, [(UInt64, Int)])])
    func patient(end: MixTime, attempts: [(UInt64, Int)]) throws {
        var mote = Teller(1)
        let ending = end.milliseconds == .max ? end : start + end.milliseconds
        let others = (2...5).map { Teller($0).peer }.map { MixPeer(id: $0.id, publicKey: $0.publicKey, ends: $0.ends) }, id = try #require(ParcelID(bytes.take(16)))
        let first = peer(ending, isExit: true), next = peer(MixTime(milliseconds: .max), isExit: true)
        mote.station.follow(MixMap([mote.peer] + others + [first], layers: 3), at: start)
        mote.station.accept(id, Errand(task: .deliver, since: start, note: [], content: bytes.take(100)))
        for instant in stride(from: 0 as UInt64, to: 60_000, by: 10) {
            mote.turn(at: start + instant)
            for (target, packets) in mote.sent { mote.station.landed(target, packets.map { _ in .held }, at: start + instant) }
            mote.sent = []
        }
        #expect(mote.station.outgoing[id]?.course.destination?.id == first.id && mote.station.outbox.waiting == 0)
        mote.station.follow(MixMap([mote.peer] + others + [next], layers: 3), at: start + 60_000)
        for (instant, count) in attempts {
            for _ in 0..<4 { mote.turn(at: start + instant) }
            #expect(mote.station.outgoing[id]?.course.attempts == count)
        }
        #expect(mote.station.outgoing[id]?.course.destination?.id == next.id)
    }
}
