import Ambience
import Onion
import Sealing
import Testing

@Suite("Flow control")
struct FlowTests {
    private func tag(_ number: Int) -> SendmeTag { SendmeTag([UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 20))! }

    private let soon = Instant.Span.milliseconds(50)

    @Test("a window closes after its last cell and opens with each SENDME")
    func circuitWindow() throws {
        var notes = CongestionStatistics()
        var window = CircuitWindow()
        var remembered: [Int] = []
        for cell in 1...1000 where window.sent() { remembered.append(cell) }
        #expect(remembered == Array(stride(from: 100, through: 1000, by: 100)))
        #expect(!window.isOpen)
        try window.acknowledged(roundTrip: soon, isBlocked: false, &notes)
        for _ in 0..<100 { _ = window.sent() }
        #expect(!window.isOpen)
    }

    @Test("a window with congestion control begins with 124 cells, remembers each 31st and grows with SENDMEs")
    func congestionWindow() throws {
        var notes = CongestionStatistics()
        var window = CircuitWindow(FlowParameters(), sendmeIncrement: 31)
        var remembered: [Int] = []
        for cell in 1...124 where window.sent() { remembered.append(cell) }
        #expect(remembered == [31, 62, 93, 124] && !window.isOpen)
        try window.acknowledged(roundTrip: soon, isBlocked: false, &notes)
        for _ in 0..<62 { _ = window.sent() }
        #expect(!window.isOpen)
        for _ in 0..<5 { try window.acknowledged(roundTrip: soon, isBlocked: false, &notes) }
        #expect(throws: FlowFailure.unexpectedSendme) { try window.acknowledged(roundTrip: soon, isBlocked: false, &notes) }
    }

    @Test("a SENDME that nothing earned is refused")
    func unearned() throws {
        var window = SendWindow.stream
        #expect(throws: FlowFailure.unexpectedSendme) { try window.acknowledged() }
        for _ in 0..<50 { window.sent() }
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
        var queue = TagQueue(for: CircuitWindow())
        #expect(throws: FlowFailure.unexpectedSendme) { try queue.match(tag(1).bytes) }
        queue.expect(tag(1), at: .zero)
        queue.expect(tag(2), at: .zero + soon)
        #expect(throws: FlowFailure.wrongTag) { try queue.match(tag(2).bytes) }
        #expect(throws: FlowFailure.wrongTag) { try queue.match(Array(tag(1).bytes.prefix(4))) }
        #expect(try queue.match(tag(1).bytes) == .zero)
        #expect(try queue.match(tag(2).bytes) == .zero + soon)
        #expect(throws: FlowFailure.unexpectedSendme) { try queue.match(tag(2).bytes) }
    }

    @Test("the queue of tags is bounded")
    func bound() {
        var queue = TagQueue(for: CircuitWindow())
        for number in 0..<100 { queue.expect(tag(number), at: .zero) }
        #expect(queue.count == 10)
    }

    @Test("a sender and a receiver with SENDMEs arbitrarily late never disagree", arguments: [41, 42, 43] as [UInt64], [false, true])
    func together(seed: UInt64, isCongestionControlled: Bool) throws {
        var notes = CongestionStatistics()
        var random = SeededRandom(seed: seed)
        var (sender, receiver) = (CircuitWindow(), ReceiveWindow.circuit)
        if isCongestionControlled {
            (sender, receiver) = (CircuitWindow(FlowParameters(), sendmeIncrement: 31), .congestionControlled(sendmeIncrement: 31))
        }
        var expected = TagQueue(for: sender)
        var flying: [Int] = []
        var sendmes: [SendmeTag] = []
        var number = 0
        for step in 0..<20_000 as Range<Int64> {
            let now = Instant.zero + .milliseconds(step)
            switch Int.random(in: 0..<5, using: &random) {
            case 0...1 where sender.isOpen:
                number += 1
                flying.append(number)
                if sender.sent() { expected.expect(tag(number), at: now) }
            case 2...3 where !flying.isEmpty:
                let cell = flying.removeFirst()
                if try receiver.received() { sendmes.append(tag(cell)) }
            case 4 where !sendmes.isEmpty:
                let sent = try expected.match(sendmes.removeFirst().bytes)
                try sender.acknowledged(roundTrip: now - sent, isBlocked: false, &notes)
            default: break
            }
        }
        #expect(number > 1000, "seed \(seed)")
    }
}
