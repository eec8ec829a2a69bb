import Ambience
import Delivering
import Foundation
import Letters
import Loops
import Outgoing
import Spool
import Testing

/// A delivery from which no way leads anywhere, so that every attempt fails for good at once. Its spool outlives it.
private final class Room {
    let loop = EventLoop()
    private let folder = NSTemporaryDirectory() + "delivery-\(UUID().uuidString)"

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func open(firstWaitSeconds: Double = 0) throws -> Delivery {
        var settings = DeliverySettings()
        settings.firstWaitSeconds = firstWaitSeconds
        return try Delivery(loop: loop, spool: Spool(loop: loop, key: nil, folder: folder), settings: settings)
    }

    func wait(_ isDone: () -> Bool) -> Bool {
        let deadline = loop.now + .seconds(Int64(60))
        while !isDone() {
            guard loop.now < deadline else { return false }
            loop.after(.milliseconds(2)) {}
            loop.turn(wait: true)
        }
        return true
    }

    func bring(_ number: UInt8, to delivery: Delivery) throws {
        let recipient = try #require(MailAddress("bob@example.org")), envelope = try #require(Envelope(sender: MailAddress("alice@example.org"), recipients: [Recipient(recipient)]))
        let id = try #require(LetterID([UInt8](repeating: number, count: LetterID.bytesCount)))
        let letter = try #require(Letter(id: id, envelope: envelope, content: Array("Subject: \(number)\r\n\r\nwords\r\n".utf8)))
        var isTaken = false
        delivery.deliver(letter, returning: [number]) { isTaken = $0 }
        #expect(wait { isTaken })
    }
}

@Suite("What a delivery has in hand")
struct DeliveryTests {
    @Test("what became of a letter is told although no attempt is begun any more, and as long as nobody keeps it there is something to lose")
    func reports() throws {
        let room = Room(), first = try room.open()
        try room.bring(1, to: first)
        #expect(!first.isEmpty)
        #expect(room.wait { first.status.failed == 1 && first.status.waiting == 0 })
        #expect(!first.isEmpty, "nobody asked what became of it")
        first.stop()
        let next = try room.open()
        next.stop()
        #expect(next.status.waiting == 0 && !next.isEmpty)
        var told: [Delivery.Report] = []
        next.onReport = { report, done in
            told.append(report)
            done(true)
        }
        #expect(room.wait { next.isEmpty })
        #expect(told.map(\.returning) == [[1]] && told[0].letter.content.firstRange(of: Array("Status: 5.4.4".utf8)) != nil)
    }

    @Test("letters that wait are given to somebody else some at a time, each once, and are here until that one has them")
    func handedOver() throws {
        let room = Room(), delivery = try room.open(firstWaitSeconds: 1_000_000)
        for number in 1...3 { try room.bring(UInt8(number), to: delivery) }
        delivery.stop()
        let some = delivery.waitingLetters(upTo: 2), rest = delivery.waitingLetters(upTo: 2)
        #expect(some.count == 2 && Set((some + rest).map(\.letter.returning)) == [[1], [2], [3]])
        #expect(delivery.waitingLetters(upTo: 2).isEmpty && delivery.waitingLetters(upTo: 0).isEmpty)
        for (queued, _) in some { delivery.handedOver(queued.letter.id) }
        #expect(room.wait { delivery.status.waiting == 1 } && !delivery.isEmpty)
        for (queued, _) in rest { delivery.handedOver(queued.letter.id) }
        #expect(room.wait { delivery.isEmpty })
    }
}
