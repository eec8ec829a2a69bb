import Testing

@testable import Mixing

@Suite("Letters of many shares")
struct LongLetterTests {
    private let now = MixTime(milliseconds: 1_000)

    @Test("are sealed and cut beside the loop: the station asks for it once, and sends what comes of it")
    func beside() throws {
        let bytes = SeededSource(9), keys = (0..<9).map { _ in (MixID(bytes.take(32))!, MixKey(secret: bytes.take(32))!) }
        var settings = MixStation.Settings()
        (settings.delays, settings.packetsPerSecond) = (MixDelays(meanMilliseconds: 1_000), 0.001)
        var station = MixStation(own: keys[0].0, key: keys[0].1, settings: settings, at: now) { bytes.take($0) }
        station.follow(MixMap(keys.map { MixPeer(id: $0.0, publicKey: $0.1.publicKey, ends: MixTime(milliseconds: .max), isExit: true) }, layers: 3), at: now)
        station.accept(ParcelID(bytes.take(16))!, Errand(task: .deliver, since: now, note: [], content: bytes.take(1 << 20)))
        var works = 0, shares = 0
        for _ in 0..<10 {
            for effect in station.takeEffects() {
                switch effect {
                case .store(let ticket?, _): station.stored(ticket, true, at: now)
                case .work(let work):
                    works += 1
                    #expect(work.bytes == 1 << 20 && station.outbox.waiting == 0)
                    let outcome = work.run()
                    if case .cut(_, let fragments?) = outcome { shares = fragments.count }
                    station.worked(outcome, at: now)
                default: break
                }
            }
            station.turn(at: now)
        }
        #expect(works == 1 && shares > 60 && station.outbox.waiting == shares)
    }

    @Test("are answered over motes that the answering one sends to, even if others would live until the letter has been sent", arguments: 0..<10)
    func answered(seed: UInt64) throws {
        let bytes = SeededSource(seed), keys = (0..<5).map { _ in (MixID(bytes.take(32))!, MixKey(secret: bytes.take(32))!) }
        var settings = MixStation.Settings()
        (settings.delays, settings.packetsPerSecond) = (MixDelays(meanMilliseconds: 1_000), 0.1)
        var station = MixStation(own: keys[0].0, key: keys[0].1, settings: settings, at: now) { bytes.take($0) }
        let motes = keys.enumerated().map { place, key in
            MixPeer(id: key.0, publicKey: key.1.publicKey, ends: place < 2 ? MixTime(milliseconds: .max) : now + 200_000, isExit: place < 2)
        }
        station.follow(MixMap(motes, layers: 3), at: now)
        station.accept(ParcelID(bytes.take(16))!, Errand(task: .deliver, since: now, note: [], content: bytes.take(1 << 20)))
        var firstHops: [MixID] = []
        for _ in 0..<10 {
            for effect in station.takeEffects() {
                if case .store(let ticket?, _) = effect { station.stored(ticket, true, at: now) }
                guard case .work(let work) = effect, case .cut(let parcel, _, _, _) = work.task else { continue }
                firstHops += parcel.blocks.map(\.firstHop)
            }
            station.turn(at: now)
        }
        #expect(firstHops.count == Parcel.blocksLimit && !firstHops.contains(keys[1].0))
    }
}
