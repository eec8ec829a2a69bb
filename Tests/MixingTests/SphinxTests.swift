import Bytes
import Sealing
import Testing

@testable import Mixing

@Suite("Mix packets")
struct SphinxTests {
    static let layout = SphinxLayout(payloadBytes: 103)

    struct Case {
        let id: String
        let keys: [MixKey]
        let hops: [MixHop]
        let packets: [[UInt8]]
        let payload: [UInt8]
        let derived: [[String: Any]]
        let replyBlock: [UInt8]?
        let replyKeys: [UInt8]?

        init(_ object: [String: Any]) throws {
            id = try object.text("id")
            (packets, payload, derived) = (try object.manyBytes("packets"), try object.bytes("payload"), try object.list("derived"))
            keys = try object.list("nodes").map { try #require(MixKey(secret: try $0.bytes("private_key"))) }
            hops = try zip(object.list("path"), object.list("derived")).map { hop, derived in
                let commands = try HopCommands(derived.bytes("per_hop_block")[...])
                return MixHop(id: try #require(MixID(try hop.bytes("id"))), publicKey: try hop.bytes("public_key"), delayMilliseconds: commands.delayMilliseconds)
            }
            replyBlock = (object["surb"] as? String).flatMap { $0.isEmpty ? nil : Hex.decode($0) }
            replyKeys = (object["surb_keys"] as? String).flatMap { $0.isEmpty ? nil : Hex.decode($0) }
        }

        static func all() throws -> [Case] { try Vectors.list("katzenpost_x25519", "cases").map(Case.init) }
    }

    @Test("unwrap at every hop to the bytes that were published")
    func unwrap() throws {
        for vector in try Case.all() {
            for (hop, key) in vector.keys.enumerated() {
                let packet = try key.unwrap(vector.packets[hop], Self.layout), derived = vector.derived[hop]
                #expect(packet.tag.bytes == (try derived.bytes("replay_tag")))
                #expect(packet.delayMilliseconds == vector.hops[hop].delayMilliseconds)
                switch packet.content {
                case .forward(let next, let bytes): #expect(next == vector.hops[hop + 1].id && bytes == vector.packets[hop + 1], "\(vector.id), hop \(hop)")
                case .arrived(_, let payload): #expect(hop == vector.keys.count - 1 && payload == vector.payload, "\(vector.id)")
                case .reply(_, _, let sealed):
                    let wanted = try derived.bytes("payload_after")
                    #expect(hop == vector.keys.count - 1 && sealed == wanted, "\(vector.id)")
                }
            }
        }
    }

    /// The sender's secret was not published, but what it agrees on with each hop was.
    @Test("are made to the bytes that were published, headers and payloads")
    func make() throws {
        for vector in try Case.all() {
            let keys = try vector.derived.map { HopKeys(secret: try $0.bytes("shared_secret")) }
            let elements = vector.packets.map { Array($0[2..<34]) }
            let way = SphinxWay(keys: keys, elements: elements), last = keys.count - 1
            var routing = Array(vector.packets[last][34..<444])
            keys[last].hide(&routing)
            let padding = Array(routing[SphinxLayout.hopBytes...].prefix((SphinxLayout.hopsLimit - keys.count) * SphinxLayout.hopBytes))
            let target = try HopCommands(vector.derived[last].bytes("per_hop_block")[...]).target
            #expect(way.header(vector.hops, target: target, padding: padding) == Array(vector.packets[0][..<SphinxLayout.headerBytes]), "\(vector.id)")
            guard vector.replyBlock == nil else { continue }
            var body = [UInt8](repeating: 0, count: 32) + vector.payload
            for hop in keys.reversed() { hop.payload(.encipher, &body) }
            #expect(body == Array(vector.packets[0][SphinxLayout.headerBytes...]), "\(vector.id)")
        }
    }

    @Test("hop commands have the published encoding")
    func commands() throws {
        let vector = try Vectors.load("katzenpost_commands").object("vectors")
        let next = try #require(MixID(try vector.bytes("NextHopID"))), digest = try vector.bytes("NextHopMAC")
        let delay = UInt32(try vector.number("NodeDelay"))
        let onward = HopCommands(delayMilliseconds: delay, target: .next(next, digest: digest)).encoded
        let wantedOnward = try vector.bytes("NodeDelayCmdWant") + vector.bytes("NextHopCmdWant").prefix(65)
        #expect(onward.starts(with: wantedOnward) && onward.count == SphinxLayout.hopBytes)
        let mailbox = try #require(MixID(try vector.bytes("RecipientID"))), reply = try #require(ReplyID(try vector.bytes("SURBReplyID")))
        let here = HopCommands(delayMilliseconds: 0, target: .here(mailbox, reply: reply))
        let wantedHere = try vector.bytes("RecipientCmdWant") + vector.bytes("SURBReplyCmdWant")
        #expect(here.encoded.starts(with: wantedHere))
        #expect(try HopCommands(here.encoded[...]) == here)
    }

    @Test("hop commands that contradict each other, come twice or are followed by anything but zeros are refused")
    func badCommands() throws {
        let id = [UInt8](repeating: 7, count: 32), next = [1] + id + id, here = [2] + id, reply = [3] + [UInt8](repeating: 1, count: 16), delay: [UInt8] = [0x80, 0, 0, 0, 1]
        func parse(_ commands: [UInt8]) throws -> HopCommands { try HopCommands((commands + [UInt8](repeating: 0, count: SphinxLayout.hopBytes)).prefix(SphinxLayout.hopBytes)) }
        for good in [next, here, here + reply, delay + next, here + delay] { #expect(throws: Never.self) { try parse(good) } }
        for bad in [[], delay, reply, reply + delay, here + here, delay + delay + next, here + reply + reply, [9], here + [9], here + [0, 1], [0] + here] {
            #expect(throws: SphinxError.badCommands) { try parse(bad) }
        }
        #expect(throws: SphinxError.badCommands) { try HopCommands((next + reply)[...]) }
    }

    // MARK: whole ways

    struct Way {
        let keys: [MixKey]
        let hops: [MixHop]

        init(_ count: Int, _ random: inout SeededBytes) throws {
            var keys: [MixKey] = []
            for _ in 0..<count { keys.append(try #require(MixKey(secret: random(32)))) }
            self.keys = keys
            hops = try keys.enumerated().map { index, key in
                MixHop(id: try #require(MixID([UInt8](repeating: UInt8(index), count: 32))), publicKey: key.publicKey, delayMilliseconds: UInt32(index) * 1000)
            }
        }

        func travel(_ packet: [UInt8], _ layout: SphinxLayout) throws -> UnwrappedPacket {
            var packet = packet
            for (hop, key) in keys.enumerated() {
                let unwrapped = try key.unwrap(packet, layout)
                guard case .forward(let next, let bytes) = unwrapped.content else { return unwrapped }
                #expect(next == hops[hop + 1].id && bytes.count == layout.packetBytes)
                packet = bytes
            }
            throw SphinxError.unusableRoute
        }
    }

    private let mailbox = MixID([UInt8](repeating: 0xaa, count: 32))

    @Test("arrive over one to five hops, and no byte of them stays the same on the way", arguments: 1...5)
    func arrive(count: Int) throws {
        var random = SeededBytes(seed: UInt64(count))
        let way = try Way(count, &random), payload = random(SphinxLayout.mail.payloadBytes), mailbox = try #require(mailbox)
        let packet = try Sphinx.packet(.mail, route: way.hops, to: mailbox, payload: payload) { random($0) }
        #expect(packet.count == 29_180)
        #expect(try way.travel(packet, .mail).content == .arrived(mailbox: mailbox, payload: payload))
        guard case .forward(_, let next) = try way.keys[0].unwrap(packet, .mail).content else { return #expect(count == 1) }
        #expect(zip(packet, next).dropFirst(2).count { $0 == $1 } < packet.count / 100)
    }

    @Test("with any bit changed arrive nowhere")
    func changed() throws {
        var random = SeededBytes(seed: 11)
        let vectors = try Case.all(), way = try Way(3, &random), payload = random(103), mailbox = try #require(mailbox)
        let own = try Sphinx.packet(Self.layout, route: way.hops, to: mailbox, payload: payload) { random($0) }
        let vector = try #require(vectors.first { $0.id == "forward-3hop" })
        for index in own.indices {
            var changed = own
            changed[index] ^= 1 << UInt8(index % 8)
            #expect(throws: SphinxError.self, "byte \(index)") { try way.travel(changed, Self.layout) }
            guard index < SphinxLayout.headerBytes else { continue }
            for (hop, key) in vector.keys.enumerated() {
                var published = vector.packets[hop]
                published[index] ^= 1 << UInt8(index % 8)
                // The top bit of the group element is not part of it, but of what the digest is of.
                #expect(throws: SphinxError.self, "byte \(index), hop \(hop)") { try key.unwrap(published, Self.layout) }
            }
        }
    }

    @Test("of another length, version or key, or with an element of small order, are refused by name")
    func refused() throws {
        let vector = try #require(try Case.all().first), packet = vector.packets[0], key = vector.keys[0]
        for wrong in [[], [1], Array(packet.dropLast()), packet + [0], Array(packet.prefix(SphinxLayout.headerBytes))] {
            #expect(throws: SphinxError.wrongLength) { try key.unwrap(wrong, Self.layout) }
        }
        #expect(throws: SphinxError.unknownVersion) { try key.unwrap([1] + packet.dropFirst(), Self.layout) }
        #expect(throws: SphinxError.unusableElement) { try key.unwrap(packet[..<2] + [UInt8](repeating: 0, count: 32) + packet[34...], Self.layout) }
        let other = try #require(MixKey(secret: [UInt8](repeating: 3, count: 32)))
        #expect(throws: SphinxError.wrongDigest) { try other.unwrap(packet, Self.layout) }
    }

    @Test("several at once are unwrapped as one by one, good and bad")
    func batches() throws {
        var random = SeededBytes(seed: 12)
        let way = try Way(2, &random), mailbox = try #require(mailbox), key = way.keys[0]
        var packets: [[UInt8]] = []
        for number in 0..<11 {
            let route = number % 3 == 0 ? [way.hops[0]] : way.hops
            var packet = try Sphinx.packet(Self.layout, route: route, to: mailbox, payload: random(103)) { random($0) }
            if number % 4 == 2 { packet[number * 30] ^= 1 }
            packets.append(number == 7 ? [] : packet)
        }
        let alone = packets.map { packet in Result { () throws(SphinxError) in try key.unwrap(packet, Self.layout) } }
        #expect(key.unwrap(packets, Self.layout) == alone)
        #expect(alone.count { (try? $0.get()) != nil } == 7)
    }

    @Test("cannot be made over no hop, six hops or a key that is none")
    func routes() throws {
        var random = SeededBytes(seed: 13)
        let way = try Way(5, &random), mailbox = try #require(mailbox)
        let broken = MixHop(id: way.hops[0].id, publicKey: [UInt8](repeating: 0, count: 32), delayMilliseconds: 0)
        for route in [[], way.hops + [way.hops[0]], [broken], [way.hops[0], broken, way.hops[1]]] {
            #expect(throws: SphinxError.unusableRoute) { try Sphinx.packet(Self.layout, route: route, to: mailbox, payload: random(103)) { random($0) } }
        }
        #expect(throws: SphinxError.wrongLength) { try Sphinx.packet(Self.layout, route: way.hops, to: mailbox, payload: random(102)) { random($0) } }
    }
}

@Suite("Reply blocks")
struct ReplyBlockTests {
    @Test("and their keys read the published replies, and make the published packets")
    func vectors() throws {
        let vectors = try SphinxTests.Case.all()
        #expect(vectors.count { $0.replyBlock != nil } == 5 && vectors.count { $0.replyBlock == nil } == 5)
        for vector in vectors {
            guard let bytes = vector.replyBlock, let material = vector.replyKeys else { continue }
            let block = try ReplyBlock(bytes)
            #expect(block.encoded == bytes && bytes.count == ReplyBlock.bytesCount && block.firstHop == vector.hops[0].id)
            #expect(try block.packet(SphinxTests.layout, payload: vector.payload) == vector.packets[0])
            guard case .reply(_, let id, let sealed) = try vector.keys[vector.keys.count - 1].unwrap(vector.packets[vector.keys.count - 1], SphinxTests.layout).content
            else { throw SphinxError.badCommands }
            #expect(try ReplyKeys(id: id, material: material).open(sealed) == vector.payload)
        }
    }

    @Test("bring an answer back that only their maker reads", arguments: 1...5)
    func answer(count: Int) throws {
        var random = SeededBytes(seed: UInt64(20 + count))
        let way = try SphinxTests.Way(count, &random), mailbox = try #require(MixID([UInt8](repeating: 1, count: 32))), id = try #require(ReplyID(random(16)))
        let (made, keys) = try Sphinx.replyBlock(route: way.hops, to: mailbox, id: id) { random($0) }
        let block = try ReplyBlock(made.encoded), payload = random(103)
        let arrived = try way.travel(try block.packet(SphinxTests.layout, payload: payload), SphinxTests.layout)
        guard case .reply(mailbox, id, let sealed) = arrived.content else { throw SphinxError.badCommands }
        #expect(try keys.open(sealed) == payload)
        var changed = sealed
        changed[100] ^= 1
        #expect(throws: SphinxError.damagedPayload) { try keys.open(changed) }
        let (_, others) = try Sphinx.replyBlock(route: way.hops, to: mailbox, id: id) { random($0) }
        #expect(throws: SphinxError.damagedPayload) { try others.open(sealed) }
    }

    @Test("of another length are none", arguments: [0, 571, 573])
    func lengths(count: Int) {
        #expect(throws: SphinxError.wrongLength) { try ReplyBlock([UInt8](repeating: 1, count: count)) }
    }
}
