import Ambience
import Sealing
import Testing

extension SeededRandom {
    fileprivate mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255, using: &self) } }
}

@Suite("Hops of either crypto")
struct HopCipherTests {
    private final class Hop {
        var forward: HopCipher
        var backward: HopCipher

        init(_ crypto: RelayCrypto, seed: UInt64, _ side: CGOCipher.Side) {
            var random = SeededRandom(seed: seed)
            let (first, second) = (random.bytes(crypto.materialBytes), random.bytes(crypto.materialBytes))
            forward = HopCipher(crypto, material: first, side: side)
            backward = HopCipher(crypto, material: second, side: side)
        }
    }

    /// What a cell says, in the bytes that its crypto leaves alone.
    private static func message(_ random: inout SeededRandom, _ crypto: RelayCrypto) -> [UInt8] {
        var body = random.bytes(509)
        for at in crypto == .tor1 ? 1..<3 : 0..<16 { body[at] = 0 }
        if crypto == .tor1 { body.replaceSubrange(5..<9, with: [0, 0, 0, 0]) }
        return body
    }

    private static func content(_ body: [UInt8], _ crypto: RelayCrypto) -> [UInt8] { crypto == .tor1 ? Array(body[..<5] + body[9...]) : Array(body[16...]) }

    @Test("carry every cell to its hop and back, through one to three hops of any kinds", arguments: 0..<24)
    func roundTrips(seed: Int) throws {
        var random = SeededRandom(seed: UInt64(seed))
        let kinds = (0...seed % 3).map { _ in Bool.random(using: &random) ? RelayCrypto.tor1 : .counterGalois }
        let clients = kinds.indices.map { Hop(kinds[$0], seed: UInt64(100 * seed + $0), .client) }
        let relays = kinds.indices.map { Hop(kinds[$0], seed: UInt64(100 * seed + $0), .relay) }
        for _ in 0..<200 {
            let target = Int.random(in: kinds.indices, using: &random)
            let command: UInt8 = Bool.random(using: &random) ? 3 : 9
            let plain = Self.message(&random, kinds[target])
            var body = plain
            let isForward = Bool.random(using: &random)
            let found = body.withUnsafeMutableBufferPointer { buffer -> Int? in
                let cell = buffer.baseAddress!
                if isForward {
                    clients[target].forward.originate(cell, command)
                    for hop in clients[..<target].reversed() { hop.forward.pass(cell, command) }
                    return relays.firstIndex { $0.forward.recognize(cell, command) }
                }
                relays[target].backward.originate(cell, 3)
                for hop in relays[..<target].reversed() { hop.backward.pass(cell, 3) }
                return clients.firstIndex { $0.backward.recognize(cell, 3) }
            }
            #expect(found == target)
            #expect(Self.content(body, kinds[target]) == Self.content(plain, kinds[target]))
            let ends = isForward ? (clients[target].forward.lastTag, relays[target].forward.lastTag) : (clients[target].backward.lastTag, relays[target].backward.lastTag)
            #expect(ends.0 == ends.1)
            #expect(ends.0.bytes.count == (kinds[target] == .tor1 ? 20 : 16))
        }
    }

    @Test("of Counter Galois Onion garble a cell and all after it when one bit changes on the way, or its command", arguments: [true, false])
    func tampering(isCommand: Bool) {
        let (client, relay) = (Hop(.counterGalois, seed: 5, .client), Hop(.counterGalois, seed: 5, .relay))
        var random = SeededRandom(seed: 6)
        for round in 0..<4 {
            let plain = Self.message(&random, .counterGalois)
            var body = plain
            let isRecognized = body.withUnsafeMutableBufferPointer { buffer -> Bool in
                let cell = buffer.baseAddress!
                client.forward.originate(cell, 3)
                if round == 1, !isCommand { cell[300] ^= 4 }
                return relay.forward.recognize(cell, round == 1 && isCommand ? 9 : 3)
            }
            #expect(isRecognized == (round == 0))
            let same = zip(body, plain).count { $0 == $1 }
            #expect(round == 0 ? same >= 493 : same < 30)
        }
    }
}
