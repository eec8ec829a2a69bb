import Ambience
import Directory
import Sealing
import Testing

@testable import Paths

@Suite("The guard sample")
struct GuardSampleTests {
    struct Client {
        var selector: PathSelector
        var guards = GuardSample()
        var random = SeededRandom(seed: 3)
        var need = Networks.web

        init(_ relays: [PathRelay], _ change: (inout PathPolicy) -> Void = { _ in }) {
            selector = Networks.selector(relays) {
                $0.useEntryGuards = true
                change(&$0)
            }
        }

        mutating func entry() -> Int? { (try? selector.path(for: need, guards: &guards, using: &random)).map { Int($0[0].identity.bytes[0]) } }
    }

    @Test("Paths start at the first primary guard while it can be reached, with NumEntryGuards 2 at one of two")
    func sticky() {
        var client = Client((1...30).map { Networks.relay($0) })
        let entries = Set((0..<200).compactMap { _ in client.entry() })
        // A path whose exit is the first guard starts at the second.
        #expect(entries.count <= 2 && !entries.isEmpty)
        var two = Client((1...30).map { Networks.relay($0) }) { $0.numEntryGuards = 2 }
        #expect((2...4).contains(Set((0..<200).compactMap { _ in two.entry() }).count))
        #expect(client.guards.primaries.count == 3)
    }

    @Test("A guard that fails is left for the next, and tried again later")
    func failing() throws {
        var client = Client((1...30).map { Networks.relay($0, $0 > 20 ? [.running, .valid, .exit] : [.running, .valid, .guard], policy: $0 > 20 ? "accept 443" : "reject 1-65535") })
        let chosen = client.entry()
        let first = try #require(chosen)
        client.guards.failed(Networks.identity(first), now: Networks.now)
        let second = client.entry()
        #expect(second != nil && second != first)
        client.need.now = Networks.now + 601
        let third = client.entry()
        #expect(third == first)
    }

    @Test("When every guard has failed, the one that failed first is tried again")
    func allFailed() {
        var client = Client((1...4).map { Networks.relay($0) })
        _ = client.entry()
        for number in 1...4 { client.guards.failed(Networks.identity(number), now: Networks.now + Int64(number == 3 ? -5 : 0)) }
        let again = client.entry()
        #expect(again != nil)
    }

    @Test("A used guard is confirmed, kept over a restart and preferred")
    func persistence() throws {
        var client = Client((1...30).map { Networks.relay($0) })
        _ = client.entry()
        let last = try #require(client.guards.entries.last)
        let confirmations = [0, 1].map { _ in client.guards.succeeded(last.identity, now: Networks.now) }
        #expect(confirmations == [true, false])
        let lines = client.guards.lines
        #expect(lines.last?.hasSuffix("confirmed_on=2026-11-21T12:00:00 confirmed_idx=0") == true)
        var restarted = Client((1...30).map { Networks.relay($0) })
        restarted.guards = GuardSample(lines: lines)
        #expect(restarted.guards.lines == lines)
        _ = restarted.entry()
        #expect(restarted.guards.primaries.first == last.identity)
    }

    @Test("The sample keeps to its bound and forgets guards that ended, were unlisted for long or grew old")
    func bounds() {
        var client = Client((1...200).map { Networks.relay($0) })
        _ = client.entry()
        #expect(client.guards.entries.count == GuardSample.usableGoal)
        client.need.now = Networks.now + 130 * 86400
        let old = Set(client.guards.entries.map(\.identity))
        _ = client.entry()
        #expect(client.guards.entries.allSatisfy { $0.sampled > Networks.now } && client.guards.entries.count == GuardSample.usableGoal)
        #expect(old.count == GuardSample.usableGoal)
        var motes = Client((1...5).map { Networks.relay($0, lifeSeconds: 1000) })
        _ = motes.entry()
        #expect(motes.guards.entries.count == 5)
        motes.selector = Networks.selector((6...10).map { Networks.relay($0, lifeSeconds: 9000) }) { $0.useEntryGuards = true }
        motes.need.now = Networks.now + 1001
        _ = motes.entry()
        #expect(Set(motes.guards.entries.map(\.identity)) == Set((6...10).map { Networks.identity($0) }))
    }

    @Test("A sample none of which lives long enough makes room for a guard that does")
    func growth() {
        let relays = (1...40).map { Networks.relay($0, lifeSeconds: 700) } + [Networks.relay(41, lifeSeconds: 9000), Networks.relay(42, lifeSeconds: 9000), Networks.relay(43)]
        var client = Client(relays) { $0.headroomSeconds = 0 }
        _ = client.entry()
        client.need.now = Networks.now + 200
        let entries = Set((0..<20).compactMap { _ in client.entry() })
        #expect(entries.isSubset(of: [41, 42, 43]) && !entries.isEmpty)
    }

    @Test("Lines that are no guards of ours are passed over", arguments: [
        "", "in=bridges rsa_id=0101010101010101010101010101010101010101 sampled_on=2026-11-21T12:00:00", "in=default", "in=default rsa_id=01 sampled_on=2026-11-21T12:00:00",
        "in=default rsa_id=0101010101010101010101010101010101010101 sampled_on=yesterday", "= = ==", "in=default rsa_id sampled_on",
    ])
    func malformedLines(line: String) {
        #expect(GuardSample(lines: [line]).entries.isEmpty)
    }
}
