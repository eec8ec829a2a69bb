import Testing

@testable import Mixing

@Suite("Letters that came to a mote which has ended")
struct HeirTests {
    private let start = MixTime(milliseconds: 1_000_000)
    private let tellers = (1...5).map { Teller($0) }
    private let id = ParcelID([UInt8](repeating: 0x55, count: 16))!

    private func parcel(isPassedOn: Bool = false) -> Parcel { Parcel(id: id, task: .deliver, isPassedOn: isPassedOn, blocks: [], content: [1, 2, 3]) }

    private func take(_ parcel: Parcel, _ teller: inout Teller, at now: MixTime) {
        teller.station.open(parcel, [], at: now)
        teller.perform(at: now)
    }

    private func others(_ motes: [Teller]) -> [MixPeer] { motes.dropFirst().map(\.peer).sorted { $0.id.bytes.lexicographicallyPrecedes($1.id.bytes) } }

    /// One gets a letter and leaves; what it sends arrives.
    private func left() throws -> [Teller] {
        var motes = tellers
        let map = MixMap(motes.map(\.peer), layers: 3)
        for index in motes.indices { motes[index].station.follow(map, at: start) }
        take(parcel(), &motes[0], at: start)
        #expect(motes[0].handed == [id: .deliver])
        motes[0].station.settled(id)
        motes[0].station.leave()
        motes[0].turn(at: start)
        #expect(motes[0].sent.count == 3)
        for (mote, packets) in motes[0].sent {
            let index = try #require(motes.firstIndex { $0.own == mote })
            motes[index].station.take(packets, batch: 1, at: start)
            motes[index].perform(at: start)
            motes[index].turn(at: start + 10)
            motes[0].station.landed(mote, packets.map { _ in .held }, at: start)
        }
        motes[0].perform(at: start)
        #expect(motes[0].station.isEmpty)
        return motes
    }

    @Test("are not handed out again by those that it told, who are those that a gateway sends them to again")
    func told() throws {
        var motes = try left()
        let heirs = MixStation.heirs(of: id, among: [others(motes)]).map(\.id)
        #expect(heirs.count == 3)
        for index in motes.indices.dropFirst() {
            motes[index].restart(at: start + 20)
            take(parcel(), &motes[index], at: start + 20)
            #expect(motes[index].handed.isEmpty == heirs.contains(motes[index].own))
        }
    }

    @Test("are handed out by one to which they were passed on, once")
    func passedOn() throws {
        var motes = try left()
        let heir = try #require(MixStation.heirs(of: id, among: [others(motes)]).first), index = try #require(motes.firstIndex { $0.own == heir.id })
        take(parcel(isPassedOn: true), &motes[index], at: start + 20)
        #expect(motes[index].handed == [id: .deliver])
        motes[index].handed = [:]
        take(parcel(isPassedOn: true), &motes[index], at: start + 30)
        take(parcel(), &motes[index], at: start + 30)
        #expect(motes[index].handed.isEmpty)
    }

    @Test("are told on by those that were told, when they leave")
    func toldOn() throws {
        var motes = try left()
        let heir = try #require(MixStation.heirs(of: id, among: [others(motes)]).first), index = try #require(motes.firstIndex { $0.own == heir.id })
        for (mote, packets) in motes[index].sent { motes[index].station.landed(mote, packets.map { _ in .held }, at: start + 10) }
        motes[index].sent = []
        motes[index].station.leave()
        motes[index].turn(at: start + 20)
        #expect(motes[index].sent.count == 3)
    }

    @Test("are not asked again of a mote that came when the first had begun to leave: it was not told")
    func joined() throws {
        var settings = MixStation.Settings()
        settings.leaving = 100_000
        let ends = start + 300_000, peers = tellers.map { MixPeer(id: $0.own, publicKey: $0.key.publicKey, ends: $0.own == tellers[1].own ? ends : MixTime(milliseconds: .max), isExit: true) }
        for (late, isHeir) in [(199_000, true), (201_000, false)] as [(UInt64, Bool)] {
            var station = MixStation(own: tellers[0].own, key: tellers[0].key, settings: settings, at: start) { tellers[0].bytes.take($0) }
            station.follow(MixMap(Array(peers.dropLast()), layers: 3), at: start)
            station.follow(MixMap(peers, layers: 3), at: start + late)
            let heirs = station.possibleHeirs(of: tellers[1].own, at: start + 310_000).joined().map(\.id)
            #expect(heirs.contains(tellers[4].own) == isHeir && heirs.contains(tellers[2].own) && heirs.contains(tellers[3].own) && heirs.count == (isHeir ? 3 : 2))
        }
    }

    @Test("are asked again, however late, of those that were told: first of one that outlives the mote that told it by as long as motes leave")
    func asked() throws {
        var settings = MixStation.Settings()
        (settings.leaving, settings.grace, settings.delays, settings.packetsPerSecond) = (100_000, 60_000, MixDelays(meanMilliseconds: 100), 20)
        let ends: [UInt64] = [10_000_000, 300_000, 320_000, 370_000, 400_000]
        let peers = zip(tellers, ends).map { MixPeer(id: $0.own, publicKey: $0.key.publicKey, ends: start + $1, isExit: $0.own != tellers[0].own) }
        let next = try #require(ParcelID(Array(tellers[3].own.bytes.prefix(ParcelID.bytesCount))))
        func heirs(of mote: Int, by other: Int, at instant: UInt64, left: Set<Int>) -> [MixID] {
            var station = MixStation(own: tellers[other].own, key: tellers[other].key, settings: settings, at: start) { tellers[other].bytes.take($0) }
            station.follow(MixMap(peers, layers: 3), at: start)
            station.follow(MixMap(peers.indices.filter { !left.contains($0) }.map { peers[$0] }, layers: 3), at: start + instant)
            return MixStation.heirs(of: next, among: station.possibleHeirs(of: tellers[mote].own, at: start + instant)).map(\.id)
        }
        let told = heirs(of: 1, by: 1, at: 210_000, left: [1])
        #expect(told.first == tellers[4].own && Set(told) == Set([2, 3, 4].map { tellers[$0].own }))
        #expect(heirs(of: 1, by: 0, at: 335_000, left: [1, 2]) == [tellers[4].own, tellers[3].own])
        #expect(heirs(of: 1, by: 0, at: 335_000, left: [1, 2, 4]) == [tellers[3].own])
    }

    @Test("at the bound those are forgotten, here and on disk, that came longest ago")
    func bound() throws {
        var mote = tellers[0]
        let limit = MixStation.knownLimit, left = limit - limit / 16 + 1
        let ids = (0..<limit).map { number in ParcelID((0..<16).map { UInt8(truncatingIfNeeded: number >> (8 * min($0, 7))) })! }
        for (number, id) in ids.enumerated() {
            let known = MixStation.Known(since: start + UInt64(number), isHearsay: false)
            mote.disk[StationRecord.id(.known, id)] = (.known, known.encoded)
        }
        mote.restart(at: start + UInt64(limit))
        take(parcel(), &mote, at: start + UInt64(limit))
        #expect(mote.station.known.count == left && mote.disk.keys.count { $0.first == StationRecord.Kind.known.rawValue } == left)
        #expect(mote.station.known[ids[limit / 16 - 1]] == nil && mote.station.known[ids[limit / 16]] != nil && mote.station.known[id] != nil)
    }
}
