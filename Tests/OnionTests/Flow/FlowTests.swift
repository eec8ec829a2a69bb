import Ambience
import Onion
import Sealing
import Testing

@Suite("Flow control")
struct FlowTests {
    private func tag(_ number: Int) -> Digest20 { Digest20([UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 20))! }

    @Test("a window closes after its last cell and opens with each SENDME")
    func sendWindow() throws {
        var window = SendWindow.circuit
        var remembered: [Int] = []
        for cell in 1...1000 where window.sent() { remembered.append(cell) }
        #expect(remembered == Array(stride(from: 100, through: 1000, by: 100)))
        #expect(!window.isOpen)
        try window.acknowledged()
        #expect(window.isOpen && window.remaining == 100)
    }

    @Test("a SENDME that nothing earned is refused")
    func unearned() throws {
        var window = SendWindow.stream
        #expect(throws: FlowFailure.unexpectedSendme) { try window.acknowledged() }
        for _ in 0..<50 { _ = window.sent() }
        try window.acknowledged()
        #expect(throws: FlowFailure.unexpectedSendme) { try window.acknowledged() }
    }

    @Test("a receiver earns the sender a SENDME for every increment")
    func receiveWindow() throws {
        var window = ReceiveWindow.circuit
        var earned: [Int] = []
        for cell in 1...3000 where try window.received() { earned.append(cell) }
        #expect(earned == Array(stride(from: 100, through: 3000, by: 100)))
    }

    @Test("tags must come back in their order, each once")
    func tags() throws {
        var queue = TagQueue()
        #expect(throws: FlowFailure.unexpectedSendme) { try queue.match(tag(1).bytes) }
        queue.expect(tag(1))
        queue.expect(tag(2))
        #expect(throws: FlowFailure.wrongTag) { try queue.match(tag(2).bytes) }
        #expect(throws: FlowFailure.wrongTag) { try queue.match(Array(tag(1).bytes.prefix(4))) }
        try queue.match(tag(1).bytes)
        try queue.match(tag(2).bytes)
        #expect(throws: FlowFailure.unexpectedSendme) { try queue.match(tag(2).bytes) }
    }

    @Test("the queue of tags is bounded")
    func bound() {
        var queue = TagQueue()
        for number in 0..<100 { queue.expect(tag(number)) }
        #expect(queue.count == TagQueue.limit)
    }

    @Test("a sender and a receiver with SENDMEs arbitrarily late never disagree", arguments: [41, 42, 43] as [UInt64])
    func together(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var (sender, receiver, expected) = (SendWindow.circuit, ReceiveWindow.circuit, TagQueue())
        var flying: [Int] = []
        var sendmes: [Digest20] = []
        var number = 0
        for _ in 0..<20_000 {
            switch Int.random(in: 0..<5, using: &random) {
            case 0...1 where sender.isOpen:
                number += 1
                flying.append(number)
                if sender.sent() { expected.expect(tag(number)) }
            case 2...3 where !flying.isEmpty:
                let cell = flying.removeFirst()
                if try receiver.received() { sendmes.append(tag(cell)) }
            case 4 where !sendmes.isEmpty:
                try expected.match(sendmes.removeFirst().bytes)
                try sender.acknowledged()
            default: break
            }
        }
        #expect(number > 1000, "seed \(seed)")
    }
}
