import Ambience
import Onion
import Paths
import Socks
import Testing

@testable import Client

@Suite("Streams that fail and are tried again")
struct StreamRetryTests {
    @Test("An exit that refuses by policy is not asked again; the next one may serve")
    func exitPolicy() {
        let harness = PoolHarness()
        let stream = harness.arrive()
        var exits: [String] = []
        for _ in 0..<4 {
            let circuit = harness.settle().attached[stream]
            exits.append(harness.pool.circuits[circuit!]!.path[2].nickname)
            #expect(harness.end(stream, .exitPolicy) == nil)
        }
        #expect(Set(exits).count == 4)
    }

    @Test("When every exit has refused, the application is told so")
    func allRefuse() {
        let harness = PoolHarness(PoolHarness.relays(3))
        let stream = harness.arrive()
        for _ in 0..<3 {
            harness.settle()
            #expect(harness.end(stream, .exitPolicy) == nil)
        }
        #expect(harness.settle().failed[stream] == .ended(.exitPolicy))
        #expect(harness.pool.streams.isEmpty)
    }

    @Test("A name that three exits cannot resolve is believed not to exist", arguments: [EndReason.resolveFailed, .timeout, .noRoute])
    func failures(reason: EndReason) {
        let harness = PoolHarness()
        let stream = harness.arrive()
        var circuits: [CircuitKey?] = []
        for attempt in 1...3 {
            circuits.append(harness.settle().attached[stream])
            #expect(harness.end(stream, reason) == (attempt < 3 ? nil : .ended(reason)))
        }
        #expect(Set(circuits).count == 3)
        #expect(harness.pool.streams.isEmpty)
    }

    @Test("An exit that refuses without a reason may not know the path's relays yet: tries go on for some seconds, ever slower")
    func misc() {
        let harness = PoolHarness()
        let stream = harness.arrive()
        var failure: StreamFailure?
        var tries = 0
        while failure == nil {
            let effects = harness.settle()
            if effects.attached[stream] != nil {
                tries += 1
                failure = harness.end(stream, .misc)
            }
            if failure == nil { harness.moment.now = harness.pool.deadline(at: harness.moment) }
        }
        #expect(failure == .ended(.misc) && tries == 7)
        #expect((4...6).contains(harness.moment.now.nanoseconds / 1_000_000_000))
    }

    @Test("A stream that pauses before its next try costs no circuits meanwhile, however often the pool is settled")
    func pausingStreamBuildsOnce() {
        let harness = PoolHarness()
        let stream = harness.arrive()
        for _ in 0..<2 {
            #expect(harness.settle().attached[stream] != nil)
            #expect(harness.end(stream, .misc) == nil)
        }
        let built = (0..<20).reduce(0) { count, _ in count + harness.settle().built.count }
        // A spare may serve it; at most its own and the spares that replace what it used up are new.
        #expect(built <= 3)
        #expect(harness.pool.streams[stream]?.state == .waiting)
    }

    @Test("A refused connection and a broken protocol are final", arguments: [EndReason.connectionRefused, .connectionReset, .protocolViolation, .internalError, .done])
    func finalReasons(reason: EndReason) {
        let harness = PoolHarness()
        let stream = harness.arrive()
        harness.settle()
        #expect(harness.end(stream, reason) == .ended(reason))
    }

    @Test("A stream whose circuit dies before it is connected goes on another, at most a named number of times")
    func circuitDies() {
        let harness = PoolHarness()
        let stream = harness.arrive()
        for attempt in 1...harness.pool.settings.tryLimit {
            let circuit = harness.settle().attached[stream]
            harness.pool.circuitClosed(circuit!, hops: 3, at: harness.moment)
            let failure = harness.end(stream, .destroyed)
            #expect(failure == (attempt < harness.pool.settings.tryLimit ? nil : .ended(.destroyed)))
        }
    }

    @Test("A connected stream that ends is never tried again")
    func connected() {
        let harness = PoolHarness()
        let (stream, circuit) = harness.connect()
        #expect(harness.end(stream, .destroyed) == .ended(.destroyed))
        #expect(harness.pool.streams.isEmpty && harness.pool.circuits[circuit!]?.streams == 0)
    }

    @Test("An exit that does not answer is left after ten seconds, and its circuit takes no new streams")
    func connectTimeout() {
        let harness = PoolHarness()
        let stream = harness.arrive()
        let first = harness.settle().attached[stream]!
        harness.advance(10)
        let effects = harness.settle()
        #expect(effects.detached == [stream])
        #expect(effects.attached[stream] != nil && effects.attached[stream] != first)
        #expect(harness.settle().closed.isEmpty)
        #expect(harness.effects.closed.contains(first))
    }

    @Test("After SocksTimeout a stream that nobody could serve fails, whatever it waits for")
    func streamTimeout() {
        let harness = PoolHarness(PoolHarness.relays(2))
        let stream = harness.arrive()
        for _ in 0..<119 {
            harness.advance(1)
            #expect(harness.settle().failed.isEmpty)
        }
        harness.advance(1)
        #expect(harness.settle().failed[stream] == .timeout)
    }

    @Test("A port that no exit serves fails soon, with the reason")
    func hopeless() {
        let harness = PoolHarness((1...5).map { PoolHarness.relay($0, policy: "accept 443") })
        let stream = harness.arrive(25)
        harness.settle()
        harness.advance(5)
        #expect(harness.settle().failed[stream] == .noPath(PathFailure(position: .exit, constraint: .policy, candidates: 5)))
        #expect(StreamFailure.timeout.socks.rawValue == 6)
    }

    @Test("At the bound of streams more are refused")
    func streamLimit() {
        let harness = PoolHarness { $0.streamLimit = 2 }
        _ = (harness.arrive(), harness.arrive())
        let isTaken = harness.pool.streamArrived(StreamKey(rawValue: 9), .lookup, isolation: IsolationKey(group: 0), at: harness.moment)
        #expect(!isTaken)
    }

    @Test("A reserved circuit whose stream has gone is clean again")
    func reservation() {
        let harness = PoolHarness()
        harness.buildsAtOnce = false
        let stream = harness.arrive(user: "alice")
        harness.settle()
        harness.pool.streamGone(stream)
        harness.settle()
        #expect(harness.pool.circuits.values.allSatisfy { $0.isClean })
    }

    @Test("Whatever happens, streams are counted right, isolation holds and the deadline is never in the past", arguments: [1, 2, 3] as [UInt64])
    func properties(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for _ in 0..<20 {
            let harness = PoolHarness(PoolHarness.relays(10, lifeSeconds: 4000))
            harness.buildsAtOnce = false
            for _ in 0..<200 {
                step(harness, using: &random)
                for effect in harness.settle() {
                    guard case .attach(let stream, let circuit) = effect else { continue }
                    #expect(harness.pool.circuits[circuit]?.isolation == harness.pool.streams[stream]?.isolation, "seed \(seed)")
                }
                for (key, circuit) in harness.pool.circuits {
                    #expect(circuit.streams == harness.pool.streams.values.count { $0.circuit == key }, "seed \(seed)")
                }
                #expect(harness.pool.deadline(at: harness.moment) >= harness.moment.now, "seed \(seed)")
            }
        }
    }

    private func step(_ harness: PoolHarness, using random: inout SeededRandom) {
        let circuit = harness.pool.circuits.keys.sorted().randomElement(using: &random)
        let stream = harness.pool.streams.keys.sorted().randomElement(using: &random)
        switch Int.random(in: 0..<8, using: &random) {
        case 0, 1: _ = harness.arrive(443, user: ["a", "b", "c"].randomElement(using: &random))
        case 2, 3: if let circuit { harness.pool.circuitBuilt(circuit, at: harness.moment) }
        case 4:
            guard let circuit else { return }
            harness.pool.circuitClosed(circuit, hops: Int.random(in: 0...3, using: &random), at: harness.moment)
            for (key, held) in harness.pool.streams where held.circuit == circuit { _ = harness.end(key, .destroyed) }
        case 5: if let stream { harness.pool.streamConnected(stream) }
        case 6:
            guard let stream, harness.pool.streams[stream]?.circuit != nil else { return }
            _ = harness.end(stream, EndReason.allCases.randomElement(using: &random)!)
        default: harness.advance(Int64.random(in: 0..<60, using: &random))
        }
    }
}
