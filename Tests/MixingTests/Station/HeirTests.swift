import Testing

@testable import Mixing

@Suite("Letters that came to a mote which has ended")
struct HeirTests {
    private let start = MixTime(milliseconds: 1_000_000)
    private let tellers = (1...7).map { Teller($0) }
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
        #expect(motes[0].sent.count == 4)
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
        #expect(heirs.count == 4)
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
        #expect(motes[index].sent.count == 4)
    }

    @Test("are told to whoever comes while the mote leaves, if it would be asked")
    func newcomer() throws {
        var mote = tellers[0]
        mote.station.follow(MixMap(tellers.dropLast().map(\.peer), layers: 3), at: start)
        for number in 0..<UInt8(200) {
            let id = ParcelID([number] + [UInt8](repeating: 0, count: 15))!
            mote.station.open(Parcel(id: id, task: .deliver, blocks: [], content: []), [], at: start)
        }
        mote.perform(at: start)
        mote.station.leave()
        mote.turn(at: start)
        let told = mote.sent.count
        mote.station.follow(MixMap(tellers.map(\.peer), layers: 3), at: start + 100)
        for _ in 0..<2 { mote.turn(at: start + 100) }
        let new = try #require(tellers.last?.own), expected = mote.station.known.keys.filter { id in MixStation.heirs(of: id, among: [others(tellers)]).contains { $0.id == new } }
        #expect(mote.sent.dropFirst(told).map(\.to) == [new] && !expected.isEmpty)
        var newcomer = try #require(tellers.last)
        newcomer.station.follow(MixMap(tellers.map(\.peer), layers: 3), at: start)
        newcomer.station.take(mote.sent.last?.packets ?? [], batch: 1, at: start + 100)
        newcomer.perform(at: start + 100)
        newcomer.turn(at: start + 200)
        #expect(Set(newcomer.station.known.keys) == Set(expected))
    }

    private func station(_ teller: Teller, _ map: MixMap) -> MixStation {
        var settings = MixStation.Settings()
        settings.leaving = 100_000
        var station = MixStation(own: teller.own, key: teller.key, settings: settings, at: start) { teller.bytes.take($0) }
        station.follow(map, at: start)
        return station
    }

    @Test("are not asked again of a mote that came when the first was all but gone: it was not told")
    func joined() throws {
        let end = start + 300_000, gone = Destination(id: tellers[1].own, ends: end)
        for (late, isHeir) in [(180_000, true), (180_001, false)] as [(UInt64, Bool)] {
            let peers = tellers.map(\.peer), new = MixPeer(id: peers[6].id, publicKey: peers[6].publicKey, began: start + late, ends: peers[6].ends, isExit: true)
            var map = MixMap(peers[...5].filter { $0.id != gone.id } + [new], layers: 3)
            map.spread = 60_000
            let heirs = station(tellers[0], map).likelyHeirs(of: gone, at: end + 10_000).joined()
            #expect(Set(heirs.map(\.id)) == Set((isHeir ? [2, 3, 4, 5, 6] : [2, 3, 4, 5]).map { tellers[$0].own }))
        }
    }

    @Test("are asked again, however late, of those that were told: first of one that outlives the mote that told it by as long as motes leave")
    func asked() throws {
        let ends: [UInt64] = [10_000_000, 300_000, 320_000, 370_000, 400_000]
        let peers = zip(tellers, ends).map { MixPeer(id: $0.own, publicKey: $0.key.publicKey, ends: start + $1, isExit: $0.own != tellers[0].own) }
        let gone = Destination(id: tellers[1].own, ends: start + ends[1])
        let next = try #require(ParcelID(Array(tellers[3].own.bytes.prefix(ParcelID.bytesCount))))
        let told = MixStation.heirs(of: next, among: station(tellers[1], MixMap(peers, layers: 3)).possibleHeirs(of: gone, at: start + 210_000)).map(\.id)
        #expect(told.first == tellers[4].own && Set(told) == Set([2, 3, 4].map { tellers[$0].own }))
        var asking = station(tellers[0], MixMap(peers, layers: 3))
        for (left, heirs) in [([1, 2], [4, 3]), ([1, 2, 4], [3])] {
            asking.follow(MixMap(peers.indices.filter { !left.contains($0) }.map { peers[$0] }, layers: 3), at: start + 335_000)
            #expect(MixStation.heirs(of: next, among: asking.likelyHeirs(of: gone, at: start + 335_000)).map(\.id) == heirs.map { tellers[$0].own })
        }
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
