import Ambience
import Letters
import Outgoing
import Testing

private let day: Int64 = 86_400
private let morning = WallTime(secondsSinceEpoch: 1_900_000_000)

extension Letter {
    static func sample(_ number: UInt8 = 1, to recipients: [Recipient] = [Recipient(MailAddress("bob@b.example")!)], from sender: String? = "alice@a.example") -> Letter {
        let content = "Message-ID: <id-\(number)@x.example>\r\nFrom: alice@a.example\r\nSubject: a word\r\n and more\r\nTo: bob@b.example\r\n\r\nbody\r\n"
        return Letter(
            id: LetterID([UInt8](repeating: number, count: 16))!, envelope: Envelope(sender: sender.flatMap { MailAddress($0) }, recipients: recipients)!,
            content: Array(content.utf8))!
    }

    static func many(_ addresses: [String], wish: ReportWish = .usual) -> Letter { sample(to: addresses.map { Recipient(MailAddress($0)!, wish: wish) }) }
}

@Suite("Letters that wait to be delivered")
struct QueueTests {
    @Test("are taken once, tried when they are due, and forgotten when all have them")
    func once() {
        var queue = DeliveryQueue(), random = SeededRandom(seed: 1)
        let letter = Letter.many(["a@x.example", "b@y.example"])
        #expect(queue.admit(letter, at: morning) == .taken)
        #expect(queue.admit(letter, at: morning) == .known)
        #expect(queue.next(at: morning) == nil, "not on disk yet")
        queue.written(letter.id, due: morning + 60)
        #expect(queue.next(at: morning + 59) == nil)
        #expect(queue.next(at: morning + 60)?.id == letter.id)
        #expect(queue.next(at: morning + 60) == nil, "under way")
        guard case .again(let progress, let due)? = queue.tried(letter.id, [0: .delivered, 1: .deferred(.lost)], at: morning + 61, &random) else { return #expect(Bool(false)) }
        #expect(progress.settled == [0: .delivered] && due > morning + 61)
        queue.written(letter.id, due: due)
        #expect(queue.next(at: due)?.progress == progress)
        #expect(queue.tried(letter.id, [1: .failed("5.1.1", "no")], at: due, &random) == .over(Progress([0: .delivered, 1: .failed("5.1.1", "no")])))
        queue.finished(letter.id)
        #expect(queue.waiting == 0)
        #expect(queue.admit(letter, at: due) == .known, "the same letter again")
    }

    @Test("that could not be written may come again")
    func unwritten() {
        var queue = DeliveryQueue()
        #expect(queue.admit(.sample(), at: morning) == .taken)
        queue.written(Letter.sample().id, due: nil)
        #expect(queue.admit(.sample(), at: morning) == .taken)
    }

    @Test("are refused beyond the bound")
    func full() {
        var bounds = DeliveryQueue.Bounds()
        bounds.letters = 2
        var queue = DeliveryQueue(bounds)
        #expect([1, 2, 3].map { queue.admit(.sample($0), at: morning) } == [.taken, .taken, .full])
    }

    @Test("are tried at random times, ever more rarely, for five days and not longer, wherever a mote starts again")
    func schedule() {
        let schedule = RetrySchedule()
        var random = SeededRandom(seed: 5), firsts: Set<Int64> = []
        for _ in 0..<300 {
            var now = morning, waits: [Int64] = []
            while !schedule.isOver(since: morning, at: now) {
                let next = schedule.next(since: morning, at: now, &random)
                #expect(next > now)
                waits.append(next - now)
                now = next
            }
            #expect(now <= morning + 5 * day + 1)
            #expect((10...250).contains(waits.count), "\(waits.count) attempts")
            #expect(waits[0] >= 900 && waits[0] <= 10_000)
            firsts.insert(waits[0])
        }
        #expect(firsts.count > 200)
    }

    @Test("fail after that with what kept them, and not before")
    func tooOld() {
        var queue = DeliveryQueue(), random = SeededRandom(seed: 2)
        let letter = Letter.sample()
        _ = queue.admit(letter, at: morning)
        guard case .again? = queue.tried(letter.id, [0: .deferred(.unreachable)], at: morning + 5 * day - 1, &random) else { return #expect(Bool(false)) }
        guard case .over(let progress)? = queue.tried(letter.id, [0: .deferred(.unreachable)], at: morning + 5 * day, &random) else { return #expect(Bool(false)) }
        #expect(progress.settled[0] == .failed("4.4.7", "not delivered in 120 hours: no connection"))
    }

    @Test("come out of the spool as they went in, and nothing else does")
    func encoding() throws {
        let queued = try #require(QueuedLetter(.many(["a@x.example", "b@y.example"]), accepted: morning, trace: 7, returning: [1, 2, 3]))
        #expect(QueuedLetter(decoding: queued.encoded) == queued)
        for count in 0..<queued.encoded.count { #expect(QueuedLetter(decoding: Array(queued.encoded.prefix(count))) == nil) }
        let progress = Progress([0: .delivered, 5: .failed("5.1.1", "no such user")])
        #expect(Progress(decoding: progress.encoded) == progress)
        for count in 1..<progress.encoded.count where count != 5 { #expect(Progress(decoding: Array(progress.encoded.prefix(count))) == nil) }
        // What failed stays so, whatever its words are: one character may have more bytes than are kept.
        let long = "e" + String(repeating: "\u{301}", count: 300)
        for (status, kept) in [("", "5.0.0"), (long, "e" + String(repeating: "\u{301}", count: 199))] {
            #expect(Progress(decoding: Progress([3: .failed(status, "no")]).encoded)?.settled == [3: .failed(kept, "no")])
        }
        #expect(QueuedLetter(.sample(), accepted: morning, trace: 0, returning: [UInt8](repeating: 0, count: 3_001)) == nil)
    }

    @Test("are grouped by the domains of those who have not got them")
    func groups() throws {
        let queued = try #require(QueuedLetter(.many(["a@x.example", "b@y.example", "c@X.example", "d@y.example"]), accepted: morning, trace: 0, returning: []))
        let groups = queued.groups(without: Progress([3: .delivered]))
        #expect(groups.map(\.domain) == ["x.example", "y.example"] && groups.map(\.recipients) == [[0, 2], [1]])
    }

    @Test("are the same letter at each attempt, whose times are no more exact than a day and an hour")
    func mail() throws {
        let queued = try #require(QueuedLetter(.sample(), accepted: morning, trace: 35, returning: []))
        let text = String(decoding: queued.mail(for: [0], by: "out.example").content, as: UTF8.self)
        #expect(text.hasPrefix("Received: by out.example id z; Sat, 17 Mar 2030 17:00:00 +0000\r\nDate: Sat, 17 Mar 2030 00:00:00 +0000\r\n") || text.contains(":00:00 +0000"))
        #expect(queued.mail(for: [0], by: "out.example").isCanonical)
        #expect(queued.mail(for: [0], by: "out.example").reversePath == "alice@a.example")
    }
}

@Suite("Reports of what became of a letter")
struct ReportTests {
    private func report(_ addresses: [String], _ settled: [Int: Settlement], wish: ReportWish = .usual) -> Letter? {
        DeliveryReport.letter(on: .many(addresses, wish: wish), Progress(settled), id: LetterID([UInt8](repeating: 9, count: 16))!, boundary: "bbbb", name: "out.example")
    }

    @Test("name who did not get it and why, and can be recognised by the letter's own header")
    func failure() throws {
        let letter = try #require(report(["b@x.example", "c@x.example"], [0: .failed("5.1.1", "550 5.1.1 no\r\nsuch"), 1: .delivered]))
        let text = String(decoding: letter.content, as: UTF8.self)
        #expect(letter.envelope.sender == nil && letter.envelope.recipients.map { "\($0.address)" } == ["alice@a.example"])
        for line in ["Final-Recipient: rfc822; b@x.example", "Action: failed", "Status: 5.1.1", "Diagnostic-Code: smtp; 550 5.1.1 no??such", "Message-ID: <id-1@x.example>", "Subject: a word", " and more"] {
            #expect(text.contains("\r\n\(line)\r\n"), "\(line)")
        }
        #expect(!text.contains("c@x.example") && !text.contains("Arrival") && !text.contains("To: bob"))
        // What cannot be read again could not be sent back.
        #expect(try Letter(decoding: letter.encoded) == letter)
    }

    @Test("are written only to those who can be told and wish to be")
    func silence() {
        let failed = Settlement.failed("5.1.1", "no")
        #expect(report(["b@x.example"], [0: failed], wish: .never) == nil)
        #expect(report(["b@x.example"], [0: .delivered]) == nil)
        #expect(report(["b@x.example"], [0: .delivered], wish: .success) != nil)
        let null = Letter.sample(from: nil)
        #expect(DeliveryReport.letter(on: null, Progress([0: failed]), id: null.id, boundary: "b", name: "x") == nil)
    }

    @Test("fit into a reply block, however many and however long the answers are, and stay in seven bits")
    func size() throws {
        let addresses = (0..<100).map { "\(String(repeating: "é", count: 30))\($0)@\(String(repeating: "a", count: 60)).\(String(repeating: "b", count: 60)).example" }
        let settled = Dictionary(uniqueKeysWithValues: (0..<100).map { ($0, Settlement.failed("5.1.1", String(repeating: "x\u{7}", count: 400))) })
        let letter = try #require(report(addresses, settled))
        #expect((10_000...DeliveryReport.limitBytes).contains(letter.content.count))
        #expect(try Letter(decoding: letter.encoded) == letter)
        #expect(String(decoding: letter.content, as: UTF8.self).contains("utf-8; \\x{E9}"))
    }
}
