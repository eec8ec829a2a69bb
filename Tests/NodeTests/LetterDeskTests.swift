import Ambience
import DirectoryService
import Letters
import Loops
import Sealing
import Spool
import Testing

@testable import Node

/// Letters that a desk handed on, which may be refused there.
private final class Station {
    var letters: [Letter] = []
    var takes = true
}

@Suite("Letters that come to a mote in pieces")
struct LetterDeskTests {
    private let scratch: Scratch
    private let loop = EventLoop()
    private let station = Station()

    init() throws { scratch = try Scratch() }

    private func desk() throws -> LetterDesk {
        let spool = try Spool(loop: loop, key: nil, folder: scratch.path + "/letters", limits: LetterDesk.limits)
        return LetterDesk(loop: loop, spool: spool) { [station, loop] letter, done in
            loop.soon {
                if station.takes { station.letters.append(letter) }
                done(station.takes)
            }
        }
    }

    private func letter(bytes: Int) throws -> Letter {
        let id = try #require(LetterID(SecureRandom.bytes(16))), recipient = try #require(MailAddress("you@example.org"))
        let envelope = try #require(Envelope(sender: nil, recipients: [Recipient(recipient)]))
        return try #require(Letter(id: id, envelope: envelope, content: Array("Subject: x\r\n\r\n".utf8) + Array(repeating: Array("some text\r\n".utf8), count: bytes / 11).joined()))
    }

    /// What is answered to a piece, once it is.
    private func answer(_ desk: LetterDesk, _ body: [UInt8]) -> DirectoryOffice.Answer? {
        var answer: DirectoryOffice.Answer?
        desk.take(body) { answer = $0 }
        return waits { answer != nil } ? answer : nil
    }

    private func answer(_ desk: LetterDesk, _ piece: LetterPiece) -> LetterPiece.Answer? {
        guard case .bytes(let bytes)? = answer(desk, piece.encoded) else { return nil }
        return LetterPiece.Answer(bytes)
    }

    private func waits(_ isDone: () -> Bool) -> Bool {
        let end = loop.now + .seconds(Int64(60))
        while !isDone() {
            guard loop.now < end else { return false }
            loop.after(.milliseconds(1)) {}
            loop.turn(wait: true)
        }
        return true
    }

    @Test("a short one is taken at once, and known when it comes again")
    func short() throws {
        let desk = try desk(), letter = try letter(bytes: 1_000), piece = LetterPiece.cut(letter)[0]
        #expect(answer(desk, piece) == .taken && answer(desk, piece) == .taken)
        #expect(station.letters == [letter])
    }

    @Test("a long one goes on where it was after the mote was killed, and is handed on once")
    func killed() throws {
        let letter = try letter(bytes: 1_600_000), pieces = LetterPiece.cut(letter)
        var desk = try desk()
        for number in 0..<2 { #expect(answer(desk, pieces[number]) == .wanted(number + 1)) }
        desk = try self.desk()
        #expect(answer(desk, pieces[0]) == .wanted(2))
        #expect(answer(desk, pieces[2]) == .wanted(3))
        // The last one twice: whoever waits in vain asks again.
        var answers: [DirectoryOffice.Answer] = []
        for _ in 0..<2 { desk.take(pieces[3].encoded) { answers.append($0) } }
        #expect(waits { answers.count == 2 } && answers.allSatisfy { $0 == .bytes(LetterPiece.Answer.taken.encoded) })
        #expect(station.letters == [letter])
        #expect(answer(desk, pieces[0]) == .taken)
        desk = try self.desk()
        // Nothing of it is left.
        #expect(answer(desk, pieces[1]) == .wanted(0))
    }

    @Test("several that end at the same time are put together one after the other")
    func several() throws {
        let desk = try desk(), letters = try (0..<3).map { _ in try letter(bytes: 700_000) }, pieces = letters.map { LetterPiece.cut($0) }
        for cut in pieces { #expect(answer(desk, cut[0]) == .wanted(1)) }
        var answers = 0
        for cut in pieces { desk.take(cut[1].encoded) { if $0 == .bytes(LetterPiece.Answer.taken.encoded) { answers += 1 } } }
        #expect(waits { answers == 3 })
        #expect(Set(station.letters) == Set(letters) && station.letters.count == 3)
    }

    @Test("one that nobody has room for waits with its last piece")
    func full() throws {
        let desk = try desk(), pieces = LetterPiece.cut(try letter(bytes: 700_000))
        station.takes = false
        #expect(answer(desk, pieces[0]) == .wanted(1))
        #expect(answer(desk, pieces[1].encoded) == .busy)
        station.takes = true
        #expect(answer(desk, pieces[1]) == .taken)
        #expect(station.letters.count == 1)
    }

    @Test("what is not the letter that it says is asked for anew, and what is none is refused")
    func damaged() throws {
        let desk = try desk(), letter = try letter(bytes: 700_000), pieces = LetterPiece.cut(letter)
        var other = pieces[0].encoded
        other[300] ^= 1
        #expect(answer(desk, try #require(LetterPiece(other))) == .wanted(1))
        #expect(answer(desk, pieces[1]) == .wanted(0))
        for piece in pieces { _ = answer(desk, piece) }
        #expect(station.letters == [letter])
        let noise = SecureRandom.bytes(1_000)
        #expect(answer(desk, Digest.sha256(noise) + [0, 0, 3, 232, 0] + noise) == .refused)
        #expect(answer(desk, noise) == .refused)
    }

    @Test("a mote that leaves sends them elsewhere, but for those that it has taken")
    func leaving() throws {
        let desk = try desk(), pieces = LetterPiece.cut(try letter(bytes: 700_000)), old = LetterPiece.cut(try letter(bytes: 100))[0]
        #expect(answer(desk, pieces[0]) == .wanted(1) && answer(desk, old) == .taken)
        desk.isLeaving = { true }
        #expect(answer(desk, pieces[1]) == .elsewhere && answer(desk, old) == .taken)
        #expect(station.letters.count == 1)
    }
}
