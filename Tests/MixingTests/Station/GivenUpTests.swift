import Testing

@testable import Mixing

@Suite("Letters that find no way")
struct GivenUpTests {
    private let start = MixTime(milliseconds: 1_000_000)
    private let motes = (1...5).map { Teller($0) }

    private func map(exits: Bool) -> MixMap { MixMap(motes.map { MixPeer(id: $0.own, publicKey: $0.key.publicKey, ends: MixTime(milliseconds: .max), isExit: exits) }, layers: 3) }
    private func id(_ number: Int) -> ParcelID { ParcelID([UInt8](repeating: UInt8(number), count: 16))! }
    private func errand(_ task: Parcel.Task) -> Errand { Errand(task: task, since: start, note: [], content: [1, 2, 3]) }

    /// One that has many letters for the outside, while no mote brings any there.
    private func stuck(_ count: Int) -> Teller {
        var mote = motes[0]
        mote.station.follow(map(exits: false), at: start)
        for number in 0..<count { mote.station.accept(id(number), errand(.deliver)) }
        mote.turn(at: start)
        return mote
    }

    @Test("let others pass, and go on once there is one")
    func passing() {
        var mote = stuck(40)
        mote.station.accept(id(100), errand(.lay))
        for _ in 0..<10 { mote.turn(at: start) }
        func isSent(_ number: Int) -> Bool { if case .sending? = mote.station.outgoing[id(number)]?.state { true } else { false } }
        #expect(isSent(100) && !(0..<40).contains { isSent($0) })
        mote.station.follow(map(exits: true), at: start)
        for _ in 0..<10 { mote.turn(at: start) }
        #expect((0..<40).allSatisfy { isSent($0) })
    }

    @Test("are given up after days, told of until somebody sees to it that their sender hears, and then forgotten")
    func givenUp() {
        var mote = stuck(1)
        let days = start + mote.station.settings.givesUpAfter
        mote.turn(at: MixTime(milliseconds: days.milliseconds - 1))
        #expect(mote.givenUp.isEmpty)
        mote.turn(at: days)
        #expect(mote.givenUp == [id(0): errand(.deliver)] && !mote.station.isEmpty)
        mote.givenUp = [:]
        mote.restart(at: days)
        mote.station.follow(map(exits: true), at: days)
        mote.turn(at: days)
        #expect(mote.givenUp == [id(0): errand(.deliver)])
        mote.station.told(id(0))
        mote.perform(at: days)
        #expect(mote.station.isEmpty && mote.disk.isEmpty)
        mote.station.accept(id(1), errand(.lay))
        mote.station.told(id(1))
        #expect(!mote.station.isEmpty)
    }

    @Test("keep the time at which they came when another mote goes on with them")
    func inherited() throws {
        var mote = stuck(1)
        mote.station.leave()
        mote.turn(at: start)
        let (successor, packets) = try #require(mote.sent.first), index = try #require(motes.firstIndex { $0.own == successor })
        var heir = motes[index]
        heir.station.follow(map(exits: false), at: start)
        heir.station.take(packets, batch: 1, at: start)
        heir.perform(at: start)
        heir.turn(at: start + 10)
        #expect(heir.station.outgoing[id(0)]?.errand == errand(.deliver))
    }
}
