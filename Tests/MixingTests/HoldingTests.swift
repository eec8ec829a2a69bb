import Ambience
import Testing

@testable import Mixing

@Suite("Motes on the mix")
struct HoldingTests {
    private static let layout = SphinxLayout(payloadBytes: 64)
    private let start = MixTime(milliseconds: 1_700_000_000_000)

    /// Two motes, and packets for the second over the first, held there for as long as told.
    struct Pair {
        let keys: [MixKey]
        let ids: [MixID]
        var random = SeededBytes(seed: 1)

        init() throws {
            var random = random
            keys = try (0..<2).map { _ in try #require(MixKey(secret: random(32))) }
            ids = (1...2).map(RehearsedMotes.id)
        }

        func mote(_ index: Int, _ bounds: MixMote.Bounds = MixMote.Bounds()) -> MixMote { MixMote(id: ids[index], key: keys[index], layout: layout, bounds: bounds) }

        mutating func packet(_ delay: UInt32) throws -> [UInt8] {
            let route = zip(ids, keys).map { MixHop(id: $0, publicKey: $1.publicKey, delayMilliseconds: $0 == ids[0] ? delay : 0) }
            var random = random
            defer { self.random = random }
            return try Sphinx.packet(layout, route: route, to: ids[1], payload: try MixPayload.answer([1]).encoded(layout)) { random($0) }
        }
    }

    private func tag(_ taken: MixMote.Taken) -> ReplayTag? { if case .held(let held) = taken { held.tag } else { nil } }

    @Test("hold each packet as long as its sender chose, and pass them on in the order in which they are due")
    func order() throws {
        var (pair, delays) = (try Pair(), [UInt32]())
        var mote = pair.mote(0), random = SeededRandom(seed: 3)
        let packets = try (0..<40).map { _ in
            delays.append(.random(in: 0...20_000, using: &random))
            return try pair.packet(delays[delays.count - 1])
        }
        let tags = mote.take(packets, at: start).map(tag)
        #expect(mote.heldCount == 40 && mote.nextDue == start + UInt64(delays.min() ?? 0))
        let none = mote.due(at: MixTime(milliseconds: 0)), early = mote.due(at: start + 10_000), late = mote.due(at: start + 20_000)
        #expect(none.isEmpty && (early + late).map(\.tag) == zip(tags, delays).sorted { $0.1 < $1.1 }.compactMap(\.0))
        #expect(early.count == delays.count { $0 <= 10_000 } && mote.nextDue == nil)
    }

    @Test("refuse a packet that was here, at once, later, among those taken together, and after a restart")
    func replays() throws {
        var pair = try Pair()
        var mote = pair.mote(0)
        let (first, second) = (try pair.packet(5), try pair.packet(6))
        let taken = mote.take([first, second, first], at: start)
        #expect(taken.map { tag($0) == nil } == [false, false, true] && taken[2] == .replayed)
        let soon = mote.take([second], at: start + 1)
        _ = mote.due(at: start + 10)
        let late = mote.take([first, second], at: start + 86_400_000)
        #expect(soon == [.replayed] && late == [.replayed, .replayed])
        var restarted = pair.mote(0)
        restarted.resume(tags: taken.compactMap(tag), held: [])
        let again = restarted.take([first], at: start)
        #expect(again == [.replayed] && restarted.heldCount == 0)
    }

    @Test("forget nothing that was recorded before they were killed")
    func restart() throws {
        var pair = try Pair()
        var mote = pair.mote(0), records: [[UInt8]] = []
        for delay in [500, 100, 300] as [UInt32] {
            if case .held(let held) = mote.take([try pair.packet(delay)], at: start)[0] { records.append(held.encoded) }
        }
        var restarted = pair.mote(0)
        restarted.resume(tags: [], held: try records.map { try HeldPacket($0, Self.layout) })
        let (before, after) = (mote.due(at: start + 1000), restarted.due(at: start + 1000))
        #expect(after == before && records.count == 3)
    }

    @Test("records of every kind make the same packet again, and no others are taken")
    func records() throws {
        var random = SeededBytes(seed: 4)
        let (tag, id, reply) = (try #require(ReplayTag(random(32))), RehearsedMotes.id(5), try #require(ReplyID(random(16))))
        let contents: [UnwrappedPacket.Content] = [
            .forward(to: id, packet: random(Self.layout.packetBytes)), .arrived(mailbox: id, payload: random(64)), .reply(mailbox: id, reply, sealed: random(96)),
        ]
        for content in contents {
            let held = HeldPacket(tag: tag, due: start, content: content), bytes = held.encoded
            #expect(try HeldPacket(bytes, Self.layout) == held)
            #expect(bytes.count <= Self.layout.packetBytes + HeldPacket.overheadBytes)
            for wrong in [[], Array(bytes.dropLast()), bytes + [0], Array(bytes[..<40]) + [3] + bytes[41...]] {
                #expect(throws: SphinxError.wrongLength) { try HeldPacket(wrong, Self.layout) }
            }
        }
    }

    @Test("refuse at their bounds, and take the packet when there is room again")
    func bounds() throws {
        var (pair, bounds) = (try Pair(), MixMote.Bounds())
        (bounds.held, bounds.tags) = (2, 3)
        var mote = pair.mote(0, bounds)
        let packets = try (0..<4).map { _ in try pair.packet(10) }
        let taken = mote.take(packets, at: start)
        _ = mote.due(at: start + 10)
        let again = mote.take([packets[2], packets[3]], at: start)
        #expect(taken.map { $0 == .full } == [false, false, true, true] && again.map { $0 == .full } == [false, true])
    }

    @Test("hand over what they hold, each with its time, to a successor that knows them, and to nobody else")
    func handOver() throws {
        var (pair, random) = (try Pair(), SeededBytes(seed: 9))
        var old = pair.mote(0), new = MixMote(id: pair.ids[1], key: pair.keys[1], layout: .mail)
        for delay in [700, 200, 900] as [UInt32] { _ = old.take([try pair.packet(delay)], at: start) }
        var expected = old
        let held = old.handOver(), peer = MixPeer(id: pair.ids[1], publicKey: pair.keys[1].publicKey, ends: start)
        #expect(held.count == 3 && old.heldCount == 0 && old.nextDue == nil)
        let packets = try HandOver.packets(held, Self.layout, from: pair.ids[0], key: pair.keys[0], to: peer) { random($0) }
        var (collector, bundle, mix) = (LetterCollector(), [UInt8](), pair.mote(1))
        for packet in packets {
            guard case .held(let held) = mix.take([packet], at: start)[0], case .arrived(_, let payload) = held.content, case .handOver(let share) = try MixPayload(payload, Self.layout)
            else { throw SphinxError.badCommands }
            if case .letter(let bytes) = collector.take(share, at: start) { bundle = bytes }
        }
        let known = pair.keys[0].publicKey, from = pair.ids[0]
        guard case .held(let read) = try HandOver.goods(in: bundle, Self.layout, to: pair.ids[1], key: pair.keys[1], predecessor: { $0 == from ? known : nil })
        else { throw SphinxError.wrongLength }
        let (first, second) = (new.takeOver(read), new.takeOver(read))
        let (before, after) = (expected.due(at: start + 1000), new.due(at: start + 1000))
        #expect(first.count == 3 && second.isEmpty && after == before)

        #expect(throws: SphinxError.wrongDigest) { try HandOver.goods(in: bundle, Self.layout, to: pair.ids[1], key: pair.keys[1]) { _ in nil } }
        #expect(throws: SphinxError.wrongDigest) { try HandOver.goods(in: bundle, Self.layout, to: pair.ids[0], key: pair.keys[1]) { _ in known } }
        #expect(throws: SphinxError.wrongLength) { try HandOver.goods(in: [1], Self.layout, to: pair.ids[1], key: pair.keys[1]) { _ in known } }
        for place in stride(from: 0, to: bundle.count, by: 97) {
            var changed = bundle
            changed[place] ^= 1
            #expect(throws: SphinxError.wrongDigest) { try HandOver.goods(in: changed, Self.layout, to: pair.ids[1], key: pair.keys[1]) { _ in known } }
        }
    }

    @Test("what waits comes out by its time, and by its turn where times are equal")
    func queue() {
        var (queue, random, waiting) = (HoldQueue<Int>(), SeededRandom(seed: 8), [(UInt64, Int)]())
        var out: [Int] = [], expected: [Int] = []
        for number in 0..<3000 {
            let due = UInt64.random(in: 0..<100, using: &random)
            queue.hold(number, until: MixTime(milliseconds: due))
            waiting.append((due, number))
            guard number % 7 == 6 else { continue }
            let now = UInt64.random(in: 0..<100, using: &random)
            while let next = queue.next(by: MixTime(milliseconds: now)) { out.append(next.item) }
            expected += waiting.filter { $0.0 <= now }.sorted { $0 < $1 }.map(\.1)
            waiting.removeAll { $0.0 <= now }
        }
        #expect(out == expected && queue.count == waiting.count)
    }
}
