import Ambience
import Damage
import Testing

@testable import Mixing

@Suite("Shares of letters")
struct FragmentTests {
    private static let layout = SphinxLayout(payloadBytes: 126)
    private static let shareBytes = Fragment.shareBytes(layout)

    @Test("any of them that are as many as the pieces give all pieces back")
    func anyOfThem() throws {
        var (random, bytes) = (SeededRandom(seed: 1), SeededBytes(seed: 2))
        for (data, parity) in [(1, 0), (1, 1), (1, 4), (2, 1), (5, 3), (17, 9), (64, 48), (64, 192), (255, 1)] {
            let code = try #require(ErasureCode(data: data, parity: parity)), pieces = (0..<data).map { _ in bytes(33) }
            let all = pieces + code.parities(of: pieces)
            for _ in 0..<(data > 60 ? 3 : 20) {
                let numbers = Array(0..<code.shares).shuffled(using: &random).prefix(data)
                #expect(code.pieces(from: Dictionary(uniqueKeysWithValues: numbers.map { ($0, all[$0]) })) == pieces, "\(data) + \(parity)")
            }
        }
    }

    @Test("too few of them, of different lengths or with numbers that are none give nothing")
    func notEnough() throws {
        let code = try #require(ErasureCode(data: 3, parity: 2)), share: [UInt8] = [1, 2, 3]
        #expect(code.pieces(from: [0: share, 4: share]) == nil)
        #expect(code.pieces(from: [0: share, 1: share, 5: share]) == nil)
        #expect(code.pieces(from: [0: share, 1: share, 2: [1]]) == nil)
        for (data, parity) in [(0, 1), (1, -1), (200, 57), (257, 0)] { #expect(ErasureCode(data: data, parity: parity) == nil) }
    }

    @Test("the field has inverses, and its products are those of AES")
    func field() {
        // FIPS 197, section 4.2.
        #expect(FieldOf256.product(0x57, 0x83) == 0xc1 && FieldOf256.product(0x57, 0x13) == 0xfe)
        for value in UInt8(1)...255 { #expect(FieldOf256.product(value, FieldOf256.inverse(value)) == 1) }
    }

    @Test("letters of every length come together from what is left when a mote is lost, whatever the order", arguments: [0, 1, 95, 96, 97, 64 * 95 - 1, 64 * 100, 20_000])
    func lengths(count: Int) throws {
        var (random, bytes) = (SeededRandom(seed: UInt64(count)), SeededBytes(seed: UInt64(count) + 1))
        let letter = bytes(count)
        let shares = try #require(Fragment.cut(letter, Self.layout) { Fragment.parity(data: $0, motesPerLayer: 3) })
        // Of each group as many are lost as one mote may carry.
        let left = Dictionary(grouping: shares, by: \.group).values.flatMap { $0.shuffled(using: &random).dropLast($0[0].code.parity) }.shuffled(using: &random)
        var (collector, came) = (LetterCollector(), [[UInt8]]())
        for share in left {
            let payload = try MixPayload.fragment(share).encoded(Self.layout)
            guard case .fragment(let read) = try MixPayload(payload, Self.layout) else { throw SphinxError.damagedPayload }
            #expect(read == share)
            if case .letter(let letter) = collector.take(read, at: MixTime(milliseconds: 0)) { came.append(letter) }
        }
        #expect(came == [letter] && collector.waiting == 0)
        let again = shares.map { collector.take($0, at: MixTime(milliseconds: 0)) }
        #expect(again.allSatisfy { $0 == .known })
    }

    @Test("no mote of three or more in a layer need carry more shares of a group than may be lost")
    func parities() {
        for motes in 2...40 {
            for data in 1...Fragment.groupShares {
                let parity = Fragment.parity(data: data, motesPerLayer: motes)
                #expect(parity >= (data + parity + motes - 1) / motes && data + parity <= ErasureCode.sharesLimit, "\(data) over \(motes)")
            }
        }
    }

    @Test("of more than 32 MiB are not cut")
    func tooLong() { #expect(Fragment.cut([UInt8](repeating: 0, count: Fragment.letterLimit + 1), .mail) { _ in 0 } == nil) }

    @Test("that contradict each other, or whose letter is not what its name says, are refused")
    func contradictions() throws {
        var bytes = SeededBytes(seed: 5)
        let letter = bytes(150), shares = try #require(Fragment.cut(letter, Self.layout) { _ in 2 }), now = MixTime(milliseconds: 0)
        let others = try #require(Fragment.cut(letter, Self.layout) { _ in 3 })
        var payload = try MixPayload.fragment(shares[1]).encoded(Self.layout)
        payload[60] ^= 1
        guard case .fragment(let changed) = try MixPayload(payload, Self.layout) else { throw SphinxError.damagedPayload }
        var collector = LetterCollector()
        let results = [shares[0], shares[0], others[1], changed].map { collector.take($0, at: now) }
        #expect(results == [.waiting, .known, .refused, .refused])
        // It can come again, whole.
        let again = [shares[1], shares[2]].map { collector.take($0, at: now) }
        #expect(again == [.waiting, .letter(letter)])
    }

    @Test("letters that never become whole are bounded in number, size and time: the one that has waited longest goes")
    func bounds() throws {
        var (bytes, bounds) = (SeededBytes(seed: 6), LetterCollector.Bounds())
        (bounds.letters, bounds.bytes, bounds.patience, bounds.remembered) = (3, 4 * Self.shareBytes, 1000, 1)
        var collector = LetterCollector(bounds)
        let letters = (0..<5).map { _ in bytes(3 * Self.shareBytes) }, shares = try letters.map { try #require(Fragment.cut($0, Self.layout) { _ in 0 }) }, start = MixTime(milliseconds: 0)
        func take(_ letter: Int, _ share: Int, _ time: UInt64) -> (LetterCollector.Result, abandoned: [[UInt8]]) {
            (collector.take(shares[letter][share], at: start + time), collector.takeAbandoned())
        }
        for letter in 0..<3 { #expect(take(letter, 0, UInt64(letter)) == (.waiting, [])) }
        #expect(take(3, 0, 3) == (.waiting, [shares[0][0].letter]))
        #expect(take(1, 1, 4) == (.waiting, []))
        #expect(take(1, 2, 5) == (.letter(letters[1]), [shares[2][0].letter]))
        #expect(take(4, 0, 1004) == (.waiting, [shares[3][0].letter]))
        #expect(collector.waiting == 1)
    }

    @Test("payloads make the same bytes again, and damaged ones are refused or make sense")
    func payloads() throws {
        var (random, bytes) = (SeededRandom(seed: 7), SeededBytes(seed: 8))
        let loop = try #require(LoopID(bytes(16))), share = try #require(Fragment.cut(bytes(50), Self.layout) { _ in 1 })[1]
        let payloads: [MixPayload] = [.cover(loop), .fragment(share), .handOver(share), .answer([]), .answer(bytes(MixPayload.answerBytes(Self.layout)))]
        for payload in payloads {
            let encoded = try payload.encoded(Self.layout)
            #expect(encoded.count == Self.layout.payloadBytes)
            #expect(try MixPayload(encoded, Self.layout) == payload)
            for _ in 0..<200 {
                guard let read = try? MixPayload(Damage.some(encoded, &random), Self.layout) else { continue }
                #expect(try MixPayload(read.encoded(Self.layout), Self.layout) == read)
            }
        }
        #expect(throws: SphinxError.wrongLength) { try MixPayload.answer(bytes(MixPayload.answerBytes(Self.layout) + 1)).encoded(Self.layout) }
        #expect(throws: SphinxError.damagedPayload) { try MixPayload([4] + bytes(125), Self.layout) }
    }
}
