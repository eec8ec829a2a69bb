import Ambience
import Testing

@testable import Mixing

@Suite("Sending on the mix")
struct SendingTests {
    private static let layout = SphinxLayout(payloadBytes: 64)
    private let start = MixTime(milliseconds: 0)

    @Test("delays are exponential: mean, spread, tail and no memory")
    func delays() {
        var random = SeededRandom(seed: 1)
        let mean = 60_000.0, delays = MixDelays(meanMilliseconds: mean), drawn = (0..<200_000).map { _ in Double(delays.draw(&random)) / mean }
        let average = drawn.reduce(0, +) / 200_000, variance = drawn.reduce(0) { $0 + ($1 - average) * ($1 - average) } / 200_000
        #expect(abs(average - 1) < 0.01 && abs(variance - 1) < 0.03)
        for age in [0.5, 1, 2, 3] {
            let old = drawn.filter { $0 > age }, left = old.reduce(0) { $0 + $1 - age } / Double(old.count)
            #expect(abs(left - 1) < 0.05, "of those that wait for \(age) already")
        }
    }

    @Test("a delay is cut where only one in 10¹² is longer, and the longest fits into its command")
    func cut() {
        struct Largest: RandomNumberGenerator { mutating func next() -> UInt64 { 0 } }
        var largest = Largest()
        #expect(abs(MixDelays.exponential(&largest) - 27.631) < 0.001)
        #expect(MixDelays(meanMilliseconds: MixDelays.longestMeanMilliseconds).draw(&largest) > UInt32.max - 2)
    }

    @Test("quantiles of sums of delays are those of the gamma distribution")
    func quantiles() {
        let delays = MixDelays(meanMilliseconds: 1)
        // -ln 1e-6, and chi-squared quantiles with 4 and 6 degrees of freedom, halved.
        #expect(abs(delays.quantile(hops: 1) - 13.8155) < 1e-3)
        #expect(abs(delays.quantile(hops: 2, tail: 0.01) - 6.6384) < 1e-3)
        #expect(abs(delays.quantile(hops: 3, tail: 0.05) - 6.2958) < 1e-3)
    }

    @Test("entropy's formulas give the published figures, and the rate for as many bits is their inverse")
    func entropy() {
        for (hops, bits) in [(1, 1.443), (2, 2.276), (3, 2.665), (5, 3.107)] { #expect(abs(MixEntropy.shape(hops: hops) - bits) < 0.002) }
        #expect(abs(MixEntropy.bits(packetsPerSecond: 50, meanDelaySeconds: 1, hops: 1) - 7.09) < 0.01)
        for (delay, bits, rate) in [(0.2, 5.0, 25.0), (5, 8, 8.1), (60, 10, 2.7), (1800, 8, 1 / 45.0)] {
            let needed = MixEntropy.packetsPerSecond(forBits: bits, meanDelaySeconds: delay, hops: 3)
            #expect(abs(needed / rate - 1) < 0.03)
            #expect(abs(MixEntropy.bits(packetsPerSecond: needed, meanDelaySeconds: delay, hops: 3) - bits) < 1e-9)
        }
        #expect(MixEntropy.measured([0.5, 0.25, 0.25]) == (1.5, 1))
    }

    private func schedule(_ map: MixMap, seed: UInt64, count: Int) -> [SendingSlot] {
        var (schedule, random) = (SendingSchedule(map: map, packetsPerSecond: 0.1, delays: MixDelays(meanMilliseconds: 60_000), from: start), SeededRandom(seed: seed))
        return (0..<count).compactMap { _ in schedule.next(&random) }
    }

    @Test("slots come as a Poisson process, to every gateway and along every way alike")
    func slots() {
        let map = RehearsedMotes.map(layers: 3, width: 3, gateways: 4), slots = schedule(map, seed: 2, count: 20_000)
        let gaps = zip(slots.dropFirst(), slots).map { Double($0.at - $1.at) / 10_000 }, mean = gaps.reduce(0, +) / Double(gaps.count)
        let variance = gaps.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(gaps.count)
        #expect(abs(mean - 1) < 0.03 && abs(variance - 1) < 0.08)
        let ways = Dictionary(grouping: slots) { [$0.gateway.id] + $0.route.dropLast().map(\.id) }
        // 108 ways, 185 slots each on average: five standard deviations.
        #expect(ways.count == 108 && ways.values.allSatisfy { abs(Double($0.count) - 185.2) < 68 })
    }

    @Test("no way leads over a mote that will end before the packet has left it")
    func endings() {
        var map = RehearsedMotes.map(layers: 3, width: 2, gateways: 1)
        let delays = MixDelays(meanMilliseconds: 60_000), mote = map.layers[1][0]
        map.layers[1][0] = MixPeer(id: mote.id, publicKey: [], ends: start + UInt64(delays.quantile(hops: 2)) + 500_000)
        let slots = schedule(map, seed: 3, count: 500)
        let through = slots.filter { $0.route[1].id == mote.id }
        #expect(!through.isEmpty && through.allSatisfy { $0.at.milliseconds <= 500_000 })
        map.layers[1] = []
        #expect(schedule(map, seed: 3, count: 5).isEmpty)
    }

    @Test("a letter takes slots for its gateway only, and never more through one mote than may be lost")
    func outbox() throws {
        let map = RehearsedMotes.map(layers: 3, width: 3, gateways: 3)
        var (outbox, bytes, through) = (Outbox(own: map.gateways[0].id, layout: Self.layout), SeededBytes(seed: 4), [MixID: Int]())
        let letter = try #require(Fragment.cut(bytes(600), Self.layout) { Fragment.parity(data: $0, motesPerLayer: 3) }), parity = letter[0].code.parity
        let isTaken = outbox.add(letter, to: map.gateways[2].id, at: map.gateways[2].id)
        #expect(isTaken)
        var taken: [Fragment] = []
        for slot in schedule(map, seed: 5, count: 4000) {
            guard case .fragment(let mailbox, let fragment) = outbox.take(slot) else { continue }
            #expect(mailbox == slot.gateway.id && slot.gateway.id == map.gateways[2].id)
            for hop in slot.route.dropLast() { through[hop.id, default: 0] += 1 }
            taken.append(fragment)
        }
        #expect(taken.count == letter.count && Set(taken) == Set(letter) && outbox.waiting == 0)
        #expect(through.values.max() ?? .max <= parity)
    }

    @Test("what is left of a letter that was cut for more motes than there are now goes all the same")
    func fewer() throws {
        let map = RehearsedMotes.map(layers: 3, width: 1, gateways: 3)
        for (width, left) in [(1, 0), (3, 1)] {
            var (outbox, bytes) = (Outbox(own: map.gateways[0].id, layout: Self.layout), SeededBytes(seed: 4))
            outbox.width = width
            let letter = try #require(Fragment.cut(bytes(10), Self.layout) { Fragment.parity(data: $0, motesPerLayer: 3) })
            let isTaken = outbox.add(letter, to: map.gateways[2].id, at: map.gateways[2].id)
            #expect(isTaken && letter[0].code.parity > 0)
            for slot in schedule(map, seed: 5, count: 400) { _ = outbox.take(slot) }
            #expect((outbox.waiting == 0) == (left == 0))
        }
    }

    @Test("an answer waits for a slot with its own first hop, and goes nowhere when that mote is gone")
    func answers() throws {
        let map = RehearsedMotes.map(layers: 3, width: 3, gateways: 2)
        var (outbox, bytes) = (Outbox(own: map.gateways[0].id, layout: Self.layout), SeededBytes(seed: 6))
        let key = try #require(MixKey(secret: bytes(32))), reply = try #require(ReplyID(bytes(16))), first = map.layers[0][1]
        let route = [MixHop(id: first.id, publicKey: key.publicKey, delayMilliseconds: 0)]
        let (block, _) = try Sphinx.replyBlock(route: route, to: first.id, id: reply) { bytes($0) }
        let isFirstTaken = try outbox.add([1], by: block)
        for slot in schedule(map, seed: 7, count: 100) {
            guard case .answer = outbox.take(slot) else { continue }
            #expect(slot.route[0].id == first.id)
        }
        #expect(isFirstTaken && outbox.waiting == 0)
        _ = try outbox.add([1], by: block)
        #expect(outbox.waiting == 1)
        outbox.forgetAnswers(exceptBy: [map.layers[0][0].id])
        #expect(outbox.waiting == 0)
        #expect(throws: SphinxError.wrongLength) { try outbox.add(bytes(60), by: block) }
    }

    @Test("a letter that does not fit whole is refused")
    func full() throws {
        var (outbox, bytes) = (Outbox(own: RehearsedMotes.id(0), layout: Self.layout), SeededBytes(seed: 8))
        let letters = try (0...Outbox.limit / 40).map { _ in try #require(Fragment.cut(bytes(40 * 64), Self.layout) { _ in 0 }) }, rounds = Outbox.limit / letters[0].count
        let taken = letters.prefix(rounds + 1).map { outbox.add($0, to: RehearsedMotes.id(1), at: RehearsedMotes.id(1)) }
        #expect(taken == [Bool](repeating: true, count: rounds) + [false] && outbox.waiting == rounds * letters[0].count)
        for letter in letters { outbox.drop(letter[0].letter) }
        #expect(outbox.waiting == 0)
    }

    @Test("a long letter keeps no short one waiting")
    func turns() throws {
        let map = RehearsedMotes.map(layers: 3, width: 3, gateways: 2), other = map.gateways[1].id
        var (outbox, bytes) = (Outbox(own: map.gateways[0].id, layout: Self.layout), SeededBytes(seed: 9))
        let long = try #require(Fragment.cut(bytes(40 * 64), Self.layout) { _ in 0 }), short = try #require(Fragment.cut(bytes(10), Self.layout) { _ in 0 })
        let areTaken = [outbox.add(long, to: other, at: other), outbox.add(short, to: other, at: other)]
        let slots = schedule(map, seed: 10, count: 20).filter { $0.gateway.id == other }
        let names = slots.prefix(3).compactMap { if case .fragment(_, let fragment) = outbox.take($0) { fragment.letter } else { nil } }
        #expect(areTaken == [true, true] && names == [long[0].letter, short[0].letter, long[0].letter])
        #expect(outbox.waiting(of: long[0].letter) == long.count - 2 && outbox.waiting(of: short[0].letter) == 0)
    }

    @Test("loops show the mote that drops half of all packets, and no other, within three hundred of them")
    func loops() throws {
        let map = RehearsedMotes.map(layers: 3, width: 3, gateways: 1), bad = map.layers[1][2].id
        for seed in 1...20 as ClosedRange<UInt64> {
            var (watch, bytes, random) = (LoopWatch(), SeededBytes(seed: seed), SeededRandom(seed: seed))
            var seen: Int?
            for (number, slot) in schedule(map, seed: seed, count: 300).enumerated() {
                let loop = try #require(LoopID(bytes(16)))
                watch.sent(loop, in: slot)
                if !slot.route.contains(where: { $0.id == bad }) || Bool.random(using: &random) {
                    let (first, second) = (watch.came(loop), watch.came(loop))
                    #expect(first && !second)
                }
                watch.check(at: slot.at)
                #expect(Set(watch.suspects).isSubset(of: [bad]), "seed \(seed)")
                if seen == nil, !watch.suspects.isEmpty { seen = number }
            }
            #expect(seen != nil, "seed \(seed)")
        }
    }
}
