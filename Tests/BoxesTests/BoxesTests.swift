import Ambience
import Boxes
import Sealing
import Testing

@Suite("Mailboxes in the cloud")
struct BoxesTests {
    private let key = Curve25519Key()
    private var address: BoxAddress { BoxAddress(key: key.publicKey)! }
    private static let now = WallTime(secondsSinceEpoch: 1_800_000_000)

    private static func letter(_ bytes: Int, seed: UInt64) -> [UInt8] {
        var random = SeededRandom(seed: seed)
        return (0..<bytes).map { _ in UInt8.random(in: 0...255, using: &random) }
    }

    private static func motes(_ count: Int) -> [BoxMote] {
        (0..<count).map { BoxMote(identity: Array(Digest.sha256([UInt8($0)]).prefix(20)), mailKey: Curve25519Key().publicKey) }
    }

    // MARK: addresses

    @Test("an address is read as it was written, in whatever case")
    func addresses() throws {
        #expect(address.domain.utf8.count == 65)
        #expect(BoxAddress(domain: address.domain) == address)
        #expect(BoxAddress(mailbox: "Alice.B@\(address.domain.uppercased())") == address)
    }

    @Test("every slip in one letter of a key is noticed")
    func slips() {
        let domain = Array(address.domain.utf8)
        for index in 0..<56 {
            var changed = domain
            changed[index] = changed[index] == UInt8(ascii: "b") ? UInt8(ascii: "c") : UInt8(ascii: "b")
            #expect(BoxAddress(domain: String(decoding: changed, as: UTF8.self)) == nil)
        }
        for wrong in ["", ".dust.alt", "alice@example.org", "@\(address.domain)", "x@y\(address.domain)", address.domain + "."] { #expect(BoxAddress(mailbox: wrong) == nil) }
    }

    // MARK: letters

    @Test("letters of all lengths come out of their items whole", arguments: [1, BoxPiece.contentBytes - 1, BoxPiece.contentBytes, BoxPiece.contentBytes + 1, 200_000])
    func letters(bytes: Int) throws {
        let letter = Self.letter(bytes, seed: 1)
        let items = try #require(BoxItem.seal(letter, to: address))
        #expect(items.allSatisfy { $0.sealed.count == BoxItem.bytesCount })
        let pieces = items.shuffled().compactMap { $0.open(with: key) }
        #expect(BoxPiece.join(pieces) == letter)
        #expect(BoxPiece.join(Array(pieces.dropLast())) == nil)
    }

    @Test("a letter that is sealed again has other items and the same name")
    func again() throws {
        let letter = Self.letter(20_000, seed: 2)
        let first = try #require(BoxItem.seal(letter, to: address)), second = try #require(BoxItem.seal(letter, to: address))
        #expect(Set(first.map(\.name)).isDisjoint(with: second.map(\.name)))
        #expect(first[0].open(with: key)?.letter == second[0].open(with: key)?.letter)
    }

    @Test("nobody else opens an item, and no changed one opens")
    func sealed() throws {
        let item = try #require(BoxItem.seal([1, 2, 3], to: address)?.first)
        #expect(item.open(with: Curve25519Key()) == nil)
        for index in [0, 31, 32, 47, 48, 1_000, BoxItem.bytesCount - 1] {
            var changed = item.sealed
            changed[index] ^= 1
            #expect(BoxItem(changed)?.open(with: key) == nil)
        }
    }

    @Test("pieces that contradict each other make no letter")
    func contradictions() throws {
        let pieces = try #require(BoxItem.seal(Self.letter(40_000, seed: 3), to: address)).compactMap { $0.open(with: key) }
        let others = try #require(BoxItem.seal(Self.letter(40_000, seed: 4), to: address)).compactMap { $0.open(with: key) }
        #expect(BoxPiece.join([pieces[0], pieces[1], others[2]]) == nil)
        #expect(BoxPiece.join([pieces[0], pieces[1], pieces[1]]) == nil)
        #expect(BoxItem.seal([], to: address) == nil)
        #expect(BoxItem.seal([UInt8](repeating: 0, count: BoxPiece.letterLimitBytes + 1), to: address) == nil)
    }

    // MARK: places

    @Test("a mote that goes moves only the boxes that it had")
    func places() {
        let motes = Self.motes(12)
        for _ in 0..<100 {
            let box = BoxAddress(key: Curve25519Key().publicKey)!
            let before = BoxPlaces.of(box, among: motes), gone = motes[5]
            let after = BoxPlaces.of(box, among: motes.reversed().filter { $0 != gone })
            #expect(before.count == 3)
            #expect(after.prefix(before.contains(gone) ? 2 : 3) == before.filter { $0 != gone }[...])
        }
    }

    @Test("boxes are spread evenly")
    func even() {
        let motes = Self.motes(10)
        var counts: [BoxMote: Int] = [:]
        var random = SeededRandom(seed: 5)
        for _ in 0..<2_000 {
            let box = BoxAddress(key: (0..<32).map { _ in UInt8.random(in: 0...255, using: &random) })!
            for place in BoxPlaces.of(box, among: motes) { counts[place, default: 0] += 1 }
        }
        // 600 each on average; the standard deviation is 20.
        #expect(counts.values.allSatisfy { (500...700).contains($0) })
    }

    // MARK: questions

    @Test("only the owner can ask, only the mote that is meant, and only now")
    func questions() throws {
        let mote = Curve25519Key(), names = [[UInt8](repeating: 7, count: 16)]
        let seen = BoxMote(identity: [], mailKey: mote.publicKey)
        let bytes = try #require(BoxQuestion.make(key, to: seen, .few, known: names, now: Self.now))
        let question = try #require(BoxQuestion(bytes, to: mote, now: Self.now + 60))
        #expect(question.address == address && question.size == .few && question.known == names)
        #expect(BoxQuestion(bytes, to: Curve25519Key(), now: Self.now) == nil)
        #expect(BoxQuestion(bytes, to: mote, now: Self.now + BoxQuestion.skewSeconds + 1) == nil)
        #expect(BoxQuestion(Curve25519Key().publicKey + bytes.dropFirst(32), to: mote, now: Self.now) == nil)
        for index in stride(from: 0, to: bytes.count, by: 13) {
            var changed = bytes
            changed[index] ^= 1
            #expect(BoxQuestion(changed, to: mote, now: Self.now) == nil)
        }
    }

    @Test("answers tell by their length nothing of what is in them")
    func answers() throws {
        let items = try #require(BoxItem.seal(Self.letter(50_000, seed: 6), to: address))
        for count in [0, 1, 4] {
            let bytes = BoxAnswer(left: 9, items: Array(items.prefix(count))).encoded(.few) { [UInt8](repeating: 0xAA, count: $0) }
            #expect(bytes.count == BoxQuestion.Size.few.answerBytes)
            let answer = try #require(BoxAnswer(bytes, .few))
            #expect(answer.left == 9 && answer.items == Array(items.prefix(count)))
            #expect(BoxAnswer(bytes, .many) == nil)
        }
    }
}
