import Ambience
import Directory
import Onion
import Paths
import Socks
import Testing

@testable import Client

@Suite("The circuit pool")
struct CircuitPoolTests {
    @Test("Two clean circuits are built in advance, and replaced once one is used")
    func spares() {
        let harness = PoolHarness()
        #expect(harness.settle().built.count == 2)
        let (_, circuit) = harness.connect()
        #expect(circuit != nil)
        #expect(harness.pool.circuits.values.count { $0.isClean } == 2)
        #expect(harness.settle().isEmpty)
    }

    @Test("Without a network nothing is built, and a stream waits until there is one")
    func noNetwork() {
        let harness = PoolHarness()
        harness.pool.useNetwork(nil)
        let stream = harness.arrive()
        #expect(harness.settle().isEmpty)
        harness.use(PoolHarness.relays(8))
        #expect(harness.settle().attached[stream] != nil)
    }

    @Test("Streams of one user share a circuit, those of different users never do")
    func isolation() {
        let harness = PoolHarness()
        let alice = harness.connect(user: "alice").circuit
        let bob = harness.connect(user: "bob").circuit
        let nobody = harness.connect().circuit
        #expect(Set([alice, bob, nobody]).count == 3)
        let again = [harness.connect(user: "alice").circuit, harness.connect(user: "bob").circuit, harness.connect().circuit]
        #expect(again == [alice, bob, nobody])
    }

    @Test("Streams that wait together get circuits of their own when they are isolated, and one circuit when they are not")
    func waitingTogether() {
        let harness = PoolHarness()
        harness.buildsAtOnce = false
        let alice = [harness.arrive(user: "alice"), harness.arrive(user: "alice")]
        let bob = harness.arrive(user: "bob")
        harness.settle()
        for key in harness.building { harness.pool.circuitBuilt(key, at: harness.moment) }
        let attached = harness.settle().attached
        #expect(attached[alice[0]] != nil && attached[alice[0]] == attached[alice[1]])
        #expect(attached[bob] != nil && attached[bob] != attached[alice[0]])
    }

    @Test("A circuit takes new streams for MaxCircuitDirtiness, keeps its old ones beyond, and closes when they are gone")
    func dirtiness() {
        let harness = PoolHarness()
        let (first, circuit) = harness.connect()
        harness.advance(599)
        #expect(harness.connect().circuit == circuit)
        harness.advance(1)
        let (_, other) = harness.connect()
        #expect(other != nil && other != circuit)
        #expect(harness.effects.closed.isEmpty)
        harness.pool.streamGone(first)
        harness.pool.streamGone(StreamKey(rawValue: 2))
        #expect(harness.settle().closed == [circuit!])
    }

    @Test("However many users come one after another, the circuit used longest ago makes room for the next, and none that carries something")
    func room() {
        let harness = PoolHarness { ($0.circuitLimit, $0.pendingLimit, $0.idleLimit) = (20, 4, 12) }
        let (kept, first) = harness.connect(user: "first")
        var circuits: [CircuitKey?] = []
        for number in 1...100 {
            let (stream, circuit) = harness.connect(user: "user\(number)")
            circuits.append(circuit)
            harness.pool.streamGone(stream)
            #expect(harness.pool.circuits.count <= 20 && harness.pool.circuits.values.count { $0.dirtySince != nil && $0.streams == 0 } <= 13)
            harness.advance(1)
        }
        #expect(circuits.allSatisfy { $0 != nil } && Set(circuits).count == 100)
        #expect(harness.effects.closed == circuits.prefix(harness.effects.closed.count).compactMap { $0 })
        #expect(harness.connect(user: "user100").circuit == circuits.last!)
        #expect(harness.pool.circuits[first!] != nil)
        harness.pool.streamGone(kept)
    }

    @Test("With KeepAliveIsolateSOCKSAuth every stream makes its circuit as good as new")
    func keepAlive() {
        let harness = PoolHarness()
        var circuits: Set<CircuitKey?> = []
        for number in 1...4 {
            let key = StreamKey(rawValue: 100 + number)
            _ = harness.pool.streamArrived(key, .port(443, isIPv6: false), isolation: IsolationKey(group: 0), keepsCircuitAlive: true, at: harness.moment)
            circuits.insert(harness.settle().attached[key])
            harness.advance(400)
        }
        #expect(circuits.count == 1)
    }

    @Test("A circuit whose first mote would end within a stream's expected life gets no new stream, and its old ones go on")
    func expiry() {
        var relays = PoolHarness.relays(3, lifeSeconds: 1000)
        let harness = PoolHarness(relays)
        let (stream, circuit) = harness.connect()
        harness.advance(400)
        #expect(harness.connect().circuit == circuit)
        harness.advance(1)
        relays += (4...6).map { PoolHarness.relay($0, lifeSeconds: 9000) }
        harness.use(relays)
        let (_, later) = harness.connect()
        #expect(later != nil && later != circuit)
        #expect(harness.pool.streams[stream]?.circuit == circuit)
        #expect(!harness.effects.closed.contains(circuit!))
    }

    @Test("Spare circuits that have become too short-lived are closed and replaced")
    func expiringSpares() {
        let harness = PoolHarness(PoolHarness.relays(3, lifeSeconds: 700))
        let spares = Set(harness.settle().built)
        #expect(spares.count == 2)
        harness.advance(101)
        harness.use(PoolHarness.relays(3, lifeSeconds: 700) + (4...6).map { PoolHarness.relay($0, lifeSeconds: 9000) })
        let effects = harness.settle()
        #expect(Set(effects.closed) == spares && effects.built.count == 2)
    }

    @Test("A circuit through a relay that is not Running any more takes nothing new and keeps what it carries")
    func draining() {
        var relays = PoolHarness.relays(3)
        let harness = PoolHarness(relays)
        let (stream, circuit) = harness.connect()
        relays[0].flags.remove(.running)
        harness.use(relays + (4...6).map { PoolHarness.relay($0) })
        #expect(harness.pool.circuits[circuit!]?.isDraining == true)
        #expect(harness.connect().circuit != circuit)
        #expect(harness.pool.streams[stream]?.circuit == circuit)
        harness.pool.streamGone(stream)
        #expect(harness.settle().closed.contains(circuit!))
    }

    @Test("Long-lived ports get circuits of their own, of the relays that live longest; others stay off those while they can")
    func longLived() {
        let relays = (1...9).map { PoolHarness.relay($0, lifeSeconds: $0 <= 3 ? 9000 : 1200) }
        let harness = PoolHarness(relays)
        harness.settle()
        let (_, shell) = harness.connect(22)
        #expect(harness.pool.circuits[shell!]?.isLongLived == true)
        #expect(harness.pool.circuits[shell!]?.firstEnd == PoolHarness.start + 9000)
        #expect(harness.pool.circuits[harness.connect(443).circuit!]?.isLongLived == false)
    }

    @Test("Ports that are used get spare circuits whose exits serve them, until nobody has used them for an hour")
    func predictedPorts() {
        let mail = (1...7).map { PoolHarness.relay($0, policy: $0 <= 5 ? "accept 443" : "accept 1-65535") }
        let harness = PoolHarness(mail)
        harness.settle()
        let (stream, _) = harness.connect(993)
        #expect(harness.pool.predicted.ports == [443, 993])
        let serving = harness.pool.circuits.values.filter { $0.isClean && $0.path[2].details!.policy.allows(993) }
        #expect(serving.count >= 2)
        harness.pool.streamGone(stream)
        harness.advance(3601)
        harness.settle()
        #expect(harness.pool.predicted.ports.isEmpty)
    }

    @Test("Where no exit serves the ports in use, one circuit still proves that the network works")
    func noExits() {
        let harness = PoolHarness((1...5).map { PoolHarness.relay($0, policy: "reject 1-65535") })
        #expect(harness.settle().built.count == 1)
        harness.advance(10)
        #expect(harness.settle().isEmpty)
    }

    @Test("The number of circuits being built at once keeps to its bound")
    func pendingLimit() {
        let harness = PoolHarness { $0.pendingLimit = 5 }
        harness.buildsAtOnce = false
        for number in 0..<20 { _ = harness.arrive(user: "user\(number)") }
        harness.settle()
        #expect(harness.building.count == 5)
    }

    @Test("A circuit that is not built in time is closed and another is tried")
    func buildTimeout() {
        let harness = PoolHarness { $0.buildTimeout = .seconds(10) }
        harness.buildsAtOnce = false
        let first = harness.settle().built
        harness.advance(9)
        #expect(harness.settle().closed.isEmpty)
        harness.advance(1)
        let effects = harness.settle()
        #expect(Set(effects.closed) == Set(first) && effects.built.count == 2)
    }

    @Test("A stream whose circuit is slow to build gets another built beside it, and takes whichever stands first")
    func slowBuild() {
        let harness = PoolHarness { $0.sparesPerPort = 0 }
        harness.buildsAtOnce = false
        let stream = harness.arrive()
        let first = harness.settle().built
        harness.advance(4)
        let second = harness.settle().built
        #expect(first.count == 1 && second.count == 1)
        harness.pool.circuitBuilt(second[0], at: harness.moment)
        let attached = harness.settle().attached
        #expect(attached[stream] == second[0])
    }

    @Test("When every circuit fails, new ones are tried ever less often, and at once again after one stands")
    func backOff() {
        let harness = PoolHarness()
        harness.buildsAtOnce = false
        var built = 0
        for _ in 0..<600 {
            let effects = harness.settle()
            built += effects.built.count
            for key in effects.built { harness.pool.circuitClosed(key, hops: 1, at: harness.moment) }
            harness.moment.now = harness.moment.now + .milliseconds(100)
        }
        #expect((10...60).contains(built))
        harness.advance(6)
        let again = harness.settle().built
        harness.pool.circuitBuilt(again[0], at: harness.moment)
        _ = harness.arrive(user: "anybody")
        #expect(!harness.settle().isEmpty)
    }

    @Test("One relay that cannot be reached is given up after three circuits, and holds up nobody who wants another")
    func unreachableEnd() {
        let harness = PoolHarness()
        harness.settle()
        harness.buildsAtOnce = false
        let relays = PoolHarness.relays(2).map(\.identity), lost = harness.arrive(user: "a", purpose: .directory(relays[0]))
        var tries = 0
        while let circuit = harness.settle().built.first, tries < 20 {
            tries += 1
            #expect(harness.pool.circuits[circuit]?.path.last?.identity == relays[0])
            harness.pool.circuitClosed(circuit, hops: 2, at: harness.moment)
        }
        #expect(tries == 3)
        #expect(harness.effects.failed[lost] == .ended(.noRoute))
        _ = harness.arrive(user: "b", purpose: .directory(relays[1]))
        #expect(harness.settle().built.count == 1)
    }

    @Test("A guard that cannot be reached is left for another")
    func unreachableGuard() {
        var policy = PoolHarness.policy
        policy.useEntryGuards = true
        let harness = PoolHarness(PoolHarness.relays(30), policy: policy)
        harness.buildsAtOnce = false
        let built = harness.settle().built
        let first = harness.pool.circuits[built[0]]!.path[0].identity
        for key in built { harness.pool.circuitClosed(key, hops: 0, at: harness.moment) }
        let next = harness.settle().built
        #expect(!next.isEmpty && next.allSatisfy { harness.pool.circuits[$0]!.path[0].identity != first })
    }
}
