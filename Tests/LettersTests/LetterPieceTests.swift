import Ambience
import Letters
import Sealing
import Testing

/// What has come, as a reference: expectations read it and change it.
private final class Arriving {
    private(set) var pieces: LetterPieces

    init(bounds: LetterPieces.Bounds = .init()) { pieces = LetterPieces(bounds: bounds) }

    func offer(_ piece: LetterPiece, at now: WallTime) -> LetterPieces.Verdict { pieces.offer(piece, at: now) }
    func kept(_ piece: LetterPiece) -> Bool { pieces.kept(piece) }
    func take(_ letter: LetterSum) { pieces.take(letter) }
    func resume(_ found: [(letter: LetterSum, number: Int)], at now: WallTime) -> [Int] { pieces.resume(found, at: now).map(\.number) }
    func there(of letter: LetterSum) -> Int { pieces.there(of: letter) }
    func hasTaken(_ letter: LetterSum) -> Bool { pieces.hasTaken(letter) }
}

@Suite("Letters in pieces")
struct LetterPieceTests {
    private static let noon = WallTime(secondsSinceEpoch: 1_800_000_000)

    private func letter(_ number: UInt8, bytes: Int) throws -> Letter {
        let id = try #require(LetterID([UInt8](repeating: number, count: 16))), recipient = try #require(MailAddress("you@example.org"))
        let envelope = try #require(Envelope(sender: nil, recipients: [Recipient(recipient)]))
        return try #require(Letter(id: id, envelope: envelope, content: Array("Subject: x\r\n\r\n".utf8) + Array(repeating: Array("some text\r\n".utf8), count: bytes / 11).joined()))
    }

    @Test("are the letter again, each as it was written, and none is longer than a gateway takes", arguments: [0, 10_000, LetterPiece.contentBytes, 1_600_000])
    func joined(bytes: Int) throws {
        let letter = try letter(1, bytes: bytes), pieces = LetterPiece.cut(letter)
        #expect(pieces.count == letter.encoded.count / LetterPiece.contentBytes + 1 && pieces.allSatisfy { $0.letter.pieces == pieces.count })
        #expect(pieces.compactMap { LetterPiece($0.encoded) } == pieces)
        #expect(pieces.allSatisfy { $0.encoded.count <= LetterPiece.limitBytes })
        let whole = Array(pieces.map(\.content).joined())
        #expect(whole == letter.encoded && pieces[0].letter.matches(whole) && !pieces[0].letter.matches(whole.reversed()))
    }

    @Test("of the longest letter can be numbered, and their answers told apart")
    func most() throws {
        let longest = try #require(LetterSum(digest: [UInt8](repeating: 0, count: 32), sizeBytes: Letter.encodedLimit))
        for answer in (0...longest.pieces).map({ LetterPiece.Answer.wanted($0) }) + [.taken, .elsewhere] { #expect(LetterPiece.Answer(answer.encoded) == answer) }
        #expect(LetterSum(digest: longest.digest, sizeBytes: Letter.encodedLimit + 1) == nil && LetterSum(digest: longest.digest, sizeBytes: 0) == nil)
        for nonsense in [[], [1, 2], Array("taken".utf8)] as [[UInt8]] { #expect(LetterPiece.Answer(nonsense) == nil) }
    }

    @Test("that are too short, too long, or of a number that there is not, are none")
    func nonsense() throws {
        let bytes = try LetterPiece.cut(letter(2, bytes: 600_000))[1].encoded
        #expect(LetterPiece(bytes) != nil)
        #expect(LetterPiece(Array(bytes.dropLast())) == nil && LetterPiece(bytes + [0]) == nil && LetterPiece([]) == nil && LetterPiece(Array(bytes.prefix(36))) == nil)
        for number in [0, 2, 255] as [UInt8] {
            var other = bytes
            other[36] = number
            #expect(LetterPiece(other) == nil)
        }
    }

    @Test("are taken one after the other, and one that comes again changes nothing")
    func order() throws {
        let cut = LetterPiece.cut(try letter(3, bytes: 1_200_000)), letter = cut[0].letter
        let pieces = Arriving()
        #expect(pieces.offer(cut[1], at: Self.noon) == .wanted(0))
        for (number, piece) in cut.enumerated() {
            #expect(pieces.offer(piece, at: Self.noon) == .keep(forgetting: []))
            // Twice at the same time, for an answer was lost.
            #expect(pieces.offer(piece, at: Self.noon) == .keep(forgetting: []))
            #expect(pieces.kept(piece) && pieces.kept(piece) && pieces.there(of: letter) == number + 1)
        }
        #expect(pieces.offer(cut[0], at: Self.noon) == .whole)
        pieces.take(letter)
        #expect(pieces.offer(cut[2], at: Self.noon) == .taken && pieces.pieces.count == 0)
    }

    @Test("of letters that nobody goes on with make room: idle ones first, then those that wait longest")
    func room() throws {
        var bounds = LetterPieces.Bounds()
        (bounds.letters, bounds.bytes, bounds.idleSeconds) = (3, 4 * LetterPiece.contentBytes, 100)
        let pieces = Arriving(bounds: bounds)
        let cuts = try (0..<5).map { LetterPiece.cut(try letter($0, bytes: 1_200_000)) }
        for second in 0..<3 {
            #expect(pieces.offer(cuts[second][0], at: Self.noon + Int64(second)) == .keep(forgetting: []))
            #expect(pieces.kept(cuts[second][0]))
        }
        // The fourth letter is one too many; with the fifth piece there are too many bytes.
        #expect(pieces.offer(cuts[3][0], at: Self.noon + 3) == .keep(forgetting: [cuts[0][0].letter]))
        #expect(pieces.kept(cuts[3][0]) && !pieces.kept(cuts[0][1]))
        #expect(pieces.offer(cuts[3][1], at: Self.noon + 4) == .keep(forgetting: []))
        #expect(pieces.kept(cuts[3][1]))
        #expect(pieces.offer(cuts[3][2], at: Self.noon + 5) == .keep(forgetting: [cuts[1][0].letter]))
        #expect(pieces.offer(cuts[4][0], at: Self.noon + 104) == .keep(forgetting: [cuts[2][0].letter]))
    }

    @Test("that an earlier process wrote down count as far as none is missing")
    func resumed() throws {
        let cut = LetterPiece.cut(try letter(6, bytes: 2_000_000)), letter = cut[0].letter
        let pieces = Arriving()
        let strays = pieces.resume([0, 1, 3].map { (letter, $0) }, at: Self.noon)
        #expect(strays == [3] && pieces.there(of: letter) == 2)
        #expect(pieces.offer(cut[0], at: Self.noon) == .wanted(2))
    }

    @Test("of letters that were taken are known for a while")
    func remembered() throws {
        var bounds = LetterPieces.Bounds()
        bounds.remembered = 2
        let pieces = Arriving(bounds: bounds)
        let sums = try (0..<3).map { LetterPiece.cut(try letter($0, bytes: 0))[0].letter }
        for sum in sums + [sums[2]] { pieces.take(sum) }
        #expect(sums.map { pieces.hasTaken($0) } == [false, true, true])
    }
}
