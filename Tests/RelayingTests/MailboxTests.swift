import Ambience
import Loops
import Synchronization
import Testing

@Suite("Letters between threads", .serialized)
struct MailboxTests {
    private final class Tally: Sendable {
        let seen = Mutex<[Int]>([])
        var values: [Int] { seen.withLock { $0 } }
        func note(_ value: Int) { seen.withLock { $0.append(value) } }
    }

    /// Turns the loop until the condition holds; `false` when it did not within ten seconds.
    private func turn(_ loop: EventLoop, until condition: () -> Bool) -> Bool {
        let deadline = loop.now + .seconds(60)
        let ticker = loop.every(.milliseconds(20)) {}
        defer { ticker.cancel() }
        while !condition(), loop.now < deadline { loop.turn(wait: true) }
        return condition()
    }

    @Test("A sleeping loop is woken by a letter from another thread")
    func wakes() {
        let loop = EventLoop()
        let tally = Tally()
        let thread = WorkThread("sender") { [mailbox = loop.mailbox] in mailbox.post { tally.note(1) } }
        // Nothing else could end this turn.
        loop.turn(wait: true)
        thread.join()
        #expect(turn(loop) { tally.values == [1] })
    }

    @Test("Letters of each of four threads are read once, in the order they were posted")
    func order() {
        let loop = EventLoop()
        let tally = Tally()
        let threads = (0..<4).map { who in
            WorkThread("sender \(who)") { [mailbox = loop.mailbox] in
                for number in 0..<5000 { mailbox.post { tally.note(who * 5000 + number) } }
            }
        }
        #expect(turn(loop) { tally.values.count == 20_000 })
        for thread in threads { thread.join() }
        for who in 0..<4 {
            #expect(tally.values.filter { $0 / 5000 == who } == Array(who * 5000..<(who + 1) * 5000))
        }
    }

    @Test("What a letter posts to its own loop is read in the next turn, not for ever in this one")
    func reentrance() {
        let loop = EventLoop()
        let tally = Tally()
        let mailbox = loop.mailbox
        mailbox.post {
            tally.note(1)
            mailbox.post { tally.note(2) }
        }
        loop.turn(wait: true)
        #expect(tally.values == [1])
        #expect(turn(loop) { tally.values == [1, 2] })
    }

    @Test("A ring without a letter runs what waits for wake-ups")
    func ring() {
        let loop = EventLoop()
        var wakes = 0
        loop.onWake { wakes += 1 }
        loop.mailbox.ring()
        loop.mailbox.ring()
        #expect(turn(loop) { wakes > 0 })
        #expect(wakes == 1)
    }

    @Test("A mailbox whose loop is gone takes nothing and lets go of what it held")
    func closed() {
        final class Held: Sendable {}
        var loop: EventLoop? = EventLoop()
        let mailbox = loop!.mailbox
        weak var held: Held?
        do {
            let letter = Held()
            held = letter
            #expect(mailbox.post { _ = letter })
        }
        #expect(held != nil)
        loop = nil
        #expect(held == nil)
        #expect(!mailbox.post {})
    }
}
