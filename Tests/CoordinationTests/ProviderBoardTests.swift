import Ambience
@testable import Coordination
import Leasing
import Providers
import Testing

/// Sees what it is told to see, and notes what it is asked for.
private final class Stand: MoteProvider {
    var sightings: [MoteKey: Sighting] = [:]
    var isBlind = false
    var asked: [String] = []

    func observe() throws(ProviderError) -> [MoteKey: Sighting] {
        if isBlind { throw ProviderError("no light") }
        return sightings
    }

    func start(_ lease: Lease, attempt: Int) { asked.append("start") }
    func drain(_ key: MoteKey) { asked.append("drain") }
    func stop(_ key: MoteKey) { asked.append("stop") }
    func kill(_ key: MoteKey) { asked.append("kill") }
    func erase(_ key: MoteKey) { asked.append("erase") }
}

@Suite struct ProviderBoardTests {
    private let key = MoteKey(high: 1, low: 2)
    private let now = WallTime(secondsSinceEpoch: 1_800_000_000)

    private func lease(at provider: String) -> Lease {
        Lease(key: key, lifetimeClass: .normal, intended: now, expires: now + 600, drainSeconds: 60, site: Site(provider: provider))
    }

    @Test("What is asked of a mote is asked where its lease says, and what nobody intended is ended where it was seen")
    func routes() throws {
        let (here, there) = (Stand(), Stand())
        var board = ProviderBoard(["here": here, "there": there])
        try board.start(lease(at: "there"), attempt: 1)
        board.holders(key, lease(at: "there")).forEach { $0.drain(key) }
        #expect(there.asked == ["start", "drain"] && here.asked.isEmpty)
        here.sightings[key] = Sighting(instances: ["7"])
        _ = board.observe([])
        board.holders(key, nil).forEach { $0.kill(key) }
        #expect(here.asked == ["kill"] && there.asked.count == 2)
        #expect(throws: ProviderError.self) { try board.start(lease(at: "nowhere"), attempt: 1) }
    }

    @Test("A provider that cannot look hides nobody else's motes, and of its own nothing is said")
    func blind() {
        let (here, there) = (Stand(), Stand())
        var board = ProviderBoard(["here": here, "there": there])
        here.sightings[key] = Sighting(instances: ["7"])
        there.isBlind = true
        let view = board.observe([MoteRecord(lease: lease(at: "there"))])
        #expect(view.sightings == here.sightings && view.blind == ["there": "no light"])
        let stranger = board.observe([MoteRecord(lease: lease(at: "nowhere"))])
        #expect(stranger.blind["nowhere"]?.contains("no such provider") == true)
    }

    @Test("One mote seen at two providers is two machines")
    func doubled() {
        let (here, there) = (Stand(), Stand())
        var board = ProviderBoard(["here": here, "there": there])
        here.sightings[key] = Sighting(instances: ["7"])
        there.sightings[key] = Sighting(instances: ["i-7"])
        #expect(board.observe([]).sightings[key]?.instances == ["7", "i-7"])
    }
}
