import Ambience
import Loops
import Onion
import Synchronization
import Testing

@testable import Relaying

@Suite("Rings between loops", .serialized)
struct CellRingTests {
    private func put(_ ring: CellRing, _ number: UInt32) -> Bool {
        guard let body = ring.reserveCell(number, UInt8(truncatingIfNeeded: number)) else { return false }
        body.update(repeating: UInt8(truncatingIfNeeded: number &* 31), count: CellLayout.bodyBytes)
        return true
    }

    @Test("Nothing is seen before it is published, then all of it in order")
    func publish() {
        let ring = CellRing(capacity: 1024)
        for number in 1...3 { #expect(put(ring, UInt32(number))) }
        #expect(ring.take() == nil)
        ring.publish()
        for number in 1...3 { #expect(ring.take()?.id == UInt32(number)) }
        #expect(ring.take() == nil)
    }

    @Test("A full ring takes no more until slots were given back, and says so long before")
    func bound() {
        let ring = CellRing(capacity: 1024)
        var taken = 0
        while ring.isRoomy, put(ring, 1) { taken += 1 }
        #expect(taken == 1024 - CellRing.reserve)
        #expect(!ring.isHalfFree && ring.waitingBytes >= taken * CellLayout.fixedBytes)
        while put(ring, 1) { taken += 1 }
        #expect(taken == 1024)
        ring.publish()
        #expect(!ring.waitForRoom())
        for _ in 0..<1024 { _ = ring.take() }
        #expect(!put(ring, 1))
        #expect(ring.release())
        #expect(ring.isHalfFree && ring.waitingBytes == 0)
        #expect(ring.waitForRoom() && put(ring, 1))
        #expect(!ring.release())
    }

    @Test("Half a million cells pass from thread to thread whole and in order, each side waiting for the other")
    func load() {
        let count: UInt32 = 500_000
        let ring = CellRing(capacity: 1024)
        let loop = EventLoop()
        let producer = LoopbackProducer(ring, count: count, consumer: loop.mailbox)
        var next: UInt32 = 0
        var flaws = 0
        loop.onWake {
            while let (id, command, body) = ring.take() {
                let fill = UInt8(truncatingIfNeeded: id &* 31)
                if id != next || command != UInt8(truncatingIfNeeded: id) || body[0] != fill || body[508] != fill { flaws += 1 }
                next += 1
            }
            if ring.release() { producer.mailbox.ring() }
        }
        let deadline = loop.now + .seconds(60)
        let ticker = loop.every(.milliseconds(20)) {}
        while next < count, loop.now < deadline { loop.turn(wait: true) }
        ticker.cancel()
        producer.stop()
        #expect(next == count && flaws == 0)
        #expect(producer.waits > 0)
    }

    /// Fills a ring from a loop of its own, in batches of random length; goes to sleep when there is no room.
    private final class LoopbackProducer: Sendable {
        let mailbox = Mailbox()
        private let thread = Mutex<WorkThread?>(nil)
        private let waitCount = Atomic(0)
        var waits: Int { waitCount.load(ordering: .relaxed) }

        init(_ ring: CellRing, count: UInt32, consumer: Mailbox) {
            let mailbox = mailbox
            let started = WorkThread("producer") { [self] in
                let loop = EventLoop(mailbox: mailbox)
                var next: UInt32 = 0
                let fill = { [self, unowned loop] in
                    var random = SeededRandom(seed: 5)
                    repeat {
                        let end = min(count, next + UInt32.random(in: 1...90, using: &random))
                        while next < end, let body = ring.reserveCell(next, UInt8(truncatingIfNeeded: next)) {
                            body.update(repeating: UInt8(truncatingIfNeeded: next &* 31), count: CellLayout.bodyBytes)
                            next += 1
                        }
                        ring.publish()
                        consumer.ring()
                    } while next < count && ring.waitForRoom()
                    if next < count { waitCount.add(1, ordering: .relaxed) } else { loop.stop() }
                }
                loop.onWake(fill)
                loop.soon(fill)
                loop.run()
            }
            thread.withLock { $0 = started }
        }

        func stop() {
            mailbox.ring()
            thread.withLock { $0 }?.join()
        }
    }
}
