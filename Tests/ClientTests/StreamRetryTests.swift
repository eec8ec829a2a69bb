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
        var harness = PoolHarness()
        let stream = harness.arrive()
        var exits: [String] = []
        for _ in 0..<4 {
            let circuit = harness.settle().attached[stream]
            exits.append(harness.pool.circuits[circuit!]!.path[2].nickname)
            let seen1 = harness.pool.streamEnded(stream, .exitPolicy, at: harness.moment)
            #expect(seen1 == nil)
        }
        #expect(Set(exits).count == 4)
    }

    @Test("When every exit has refused, the application is told so")
    func allRefuse() {
        var harness = PoolHarness(PoolHarness.relays(3))
        let stream = harness.arrive()
        for _ in 0..<3 {
            harness.settle()
            let seen2 = harness.pool.streamEnded(stream, .exitPolicy, at: harness.moment)
            #expect(seen2 == nil)
        }
        let seen3 = harness.settle()
        #expect(seen3.failed[stream] == .ended(.exitPolicy))
        #expect(harness.pool.streams.isEmpty)
    }

    @Test("A name that three exits cannot resolve is believed not to exist", arguments: [EndReason.resolveFailed, .timeout, .noRoute])
    func failures(reason: EndReason) {
        var harness = PoolHarness()
        let stream = harness.arrive()
        var circuits: [CircuitKey?] = []
        for attempt in 1...3 {
            circuits.append(harness.settle().attached[stream])
            let seen4 = harness.pool.streamEnded(stream, reason, at: harness.moment)
            #expect(seen4 == (attempt < 3 ? nil : .ended(reason)))
        }
        #expect(Set(circuits).count == 3)
        #expect(harness.pool.streams.isEmpty)
    }

    @Test("An exit that refuses without a reason may not know the path's relays yet: tries go on for some seconds, ever slower")
    func misc() {
        var harness = PoolHarness()
        let stream = harness.arrive()
        var failure: StreamFailure?
        var tries = 0
        while failure == nil {
            let effects = harness.settle()
            if effects.attached[stream] != nil {
                tries += 1
                failure = harness.pool.streamEnded(stream, .misc, at: harness.moment)
            }
            if failure == nil { harness.moment.now = harness.pool.deadline(at: harness.moment) }
        }
        #expect(failure == .ended(.misc) && tries == 7)
        #expect((4...6).contains(harness.moment.now.nanoseconds / 1_000_000_000))
    }

    @Test("A refused connection and a broken protocol are final", arguments: [EndReason.connectionRefused, .connectionReset, .protocolViolation, .internalError, .done])
    func finalReasons(reason: EndReason) {
        var harness = PoolHarness()
        let stream = harness.arrive()
        harness.settle()
        let seen5 = harness.pool.streamEnded(stream, reason, at: harness.moment)
        #expect(seen5 == .ended(reason))
    }

    @Test("A stream whose circuit dies before it is connected goes on another, at most a named number of times")
    func circuitDies() {
        var harness = PoolHarness()
        let stream = harness.arrive()
        for attempt in 1...harness.pool.settings.tryLimit {
            let circuit = harness.settle().attached[stream]
            harness.pool.circuitClosed(circuit!, hops: 3, at: harness.moment)
            let failure = harness.pool.streamEnded(stream, .destroyed, at: harness.moment)
            #expect(failure == (attempt < harness.pool.settings.tryLimit ? nil : .ended(.destroyed)))
        }
    }

    @Test("A connected stream that ends is never tried again")
    func connected() {
        var harness = PoolHarness()
        let (stream, circuit) = harness.connect()
        let seen6 = harness.pool.streamEnded(stream, .destroyed, at: harness.moment)
        #expect(seen6 == .ended(.destroyed))
        #expect(harness.pool.streams.isEmpty && harness.pool.circuits[circuit!]?.streams == 0)
    }

    @Test("An exit that does not answer is left after ten seconds, and its circuit takes no new streams")
    func connectTimeout() {
        var harness = PoolHarness()
        let stream = harness.arrive()
        let first = harness.settle().attached[stream]!
        harness.advance(10)
        let effects = harness.settle()
        #expect(effects.detached == [stream])
        #expect(effects.attached[stream] != nil && effects.attached[stream] != first)
        let seen7 = harness.settle()
        #expect(seen7.closed.isEmpty)
        #expect(harness.effects.closed.contains(first))
    }

    @Test("After SocksTimeout a stream that nobody could serve fails, whatever it waits for")
    func streamTimeout() {
        var harness = PoolHarness(PoolHarness.relays(2))
        let stream = harness.arrive()
        for _ in 0..<119 {
            harness.advance(1)
            let seen8 = harness.settle()
            #expect(seen8.failed.isEmpty)
        }
        harness.advance(1)
        let seen9 = harness.settle()
        #expect(seen9.failed[stream] == .timeout)
    }

    @Test("A port that no exit serves fails soon, with the reason")
    func hopeless() {
        var harness = PoolHarness((1...5).map { PoolHarness.relay($0, policy: "accept 443") })
        let stream = harness.arrive(25)
        harness.settle()
        harness.advance(5)
        let seen10 = harness.settle()
        #expect(seen10.failed[stream] == .noPath(PathFailure(position: .exit, constraint: .policy, candidates: 5)))
        #expect(StreamFailure.timeout.socks.rawValue == 6)
    }

    @Test("At the bound of streams more are refused")
    func streamLimit() {
        var harness = PoolHarness { $0.streamLimit = 2 }
        _ = (harness.arrive(), harness.arrive())
        let seen11 = harness.pool.streamArrived(StreamKey(rawValue: 9), .lookup, isolation: IsolationKey(group: 0), at: harness.moment)
        #expect(!seen11)
    }

    @Test("A reserved circuit whose stream has gone is clean again")
    func reservation() {
        var harness = PoolHarness()
        harness.buildsAtOnce = false
        let stream = harness.arrive(user: "alice")
        harness.settle()
        harness.pool.streamGone(stream)
        harness.settle()
        #expect(harness.pool.circuits.values.allSatisfy { $0.isClean })
    }

    @Test("Whatever happens, streams are counted right, isolation holds and the deadline is never in the past")
    func properties() {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed: seed)
        for _ in 0..<20 {
            var harness = PoolHarness(PoolHarness.relays(10, lifeSeconds: 4000))
            harness.buildsAtOnce = false
            for _ in 0..<200 {
                step(&harness, using: &random)
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

    private func step(_ harness: inout PoolHarness, using random: inout SeededRandom) {
        let circuit = harness.pool.circuits.keys.sorted().randomElement(using: &random)
        let stream = harness.pool.streams.keys.sorted().randomElement(using: &random)
        switch Int.random(in: 0..<8, using: &random) {
        case 0, 1: _ = harness.arrive(443, user: ["a", "b", "c"].randomElement(using: &random))
        case 2, 3: if let circuit { harness.pool.circuitBuilt(circuit, at: harness.moment) }
        case 4:
            guard let circuit else { return }
            harness.pool.circuitClosed(circuit, hops: Int.random(in: 0...3, using: &random), at: harness.moment)
            for (key, held) in harness.pool.streams where held.circuit == circuit { _ = harness.pool.streamEnded(key, .destroyed, at: harness.moment) }
        case 5: if let stream { harness.pool.streamConnected(stream) }
        case 6:
            guard let stream, harness.pool.streams[stream]?.circuit != nil else { return }
            _ = harness.pool.streamEnded(stream, EndReason.allCases.randomElement(using: &random)!, at: harness.moment)
        default: harness.advance(Int64.random(in: 0..<60, using: &random))
        }
    }
}
