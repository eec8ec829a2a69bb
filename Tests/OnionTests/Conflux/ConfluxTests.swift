import Ambience
import Testing

@testable import Onion

@Suite("Conflux messages")
struct ConfluxMessageTests {
    @Test("LINK is fifty bytes and reads back, with whatever follows it")
    func link() throws {
        let message = ConfluxLinkMessage(nonce: Array(1...32), lastSent: 0x0102_0304_0506_0708, lastReceived: 9, experience: .highThroughput)
        #expect(message.encoded.count == 50)
        #expect(message.encoded[0] == 1 && Array(message.encoded[33..<41]) == Array(1...8) && message.encoded[49] == 3)
        #expect(try ConfluxLinkMessage(message.encoded) == message)
        #expect(try ConfluxLinkMessage(message.encoded + [7, 7]) == message)
    }

    @Test("LINK of another version, with an unknown wish or cut short is refused")
    func refusals() {
        let good = ConfluxLinkMessage(nonce: [UInt8](repeating: 1, count: 32), lastSent: 0, lastReceived: 0, experience: .noOpinion).encoded
        for count in 0..<50 { #expect(throws: MessageError.truncated) { try ConfluxLinkMessage(Array(good.prefix(count))) } }
        #expect(throws: MessageError.unsupportedVersion) { try ConfluxLinkMessage([2] + good.dropFirst()) }
        #expect(throws: MessageError.unsupportedVersion) { try ConfluxLinkMessage(good.dropLast() + [5]) }
    }

    @Test("SWITCH may be padded, as it was before tor 0.4.9.3")
    func switches() throws {
        #expect(try ConfluxSwitchMessage([0, 1, 0, 2]).relativeSequence == 65538)
        #expect(try ConfluxSwitchMessage([0, 0, 0, 2] + [UInt8](repeating: 9, count: 484)).relativeSequence == 2)
        #expect(throws: MessageError.truncated) { try ConfluxSwitchMessage([0, 0, 0]) }
        #expect(ConfluxSwitchMessage(relativeSequence: 258).encoded == [0, 0, 1, 2])
    }
}

@Suite("A conflux set")
struct ConfluxSetTests {
    private static func wish(_ experience: ConfluxLinkMessage.Experience = .highThroughput, sent: UInt64 = 0) -> ConfluxLinkMessage {
        ConfluxLinkMessage(nonce: [UInt8](repeating: 3, count: 32), lastSent: sent, lastReceived: 0, experience: experience)
    }

    /// Legs with these round trips in milliseconds.
    private func legs(_ roundTrips: Int64..., wish: ConfluxLinkMessage.Experience = .highThroughput) throws -> ConfluxSet {
        var set = ConfluxSet()
        for _ in roundTrips { _ = try set.link(Self.wish(wish), at: .zero) }
        for (leg, time) in roundTrips.enumerated() where time > 0 { try set.acknowledged(leg, at: .zero + .milliseconds(time)) }
        return set
    }

    private func expect(
        _ set: inout ConfluxSet, isData: Bool, ready: UInt8, leg: Int?, switchedBy distance: UInt32? = nil, at place: SourceLocation = #_sourceLocation
    ) {
        let route = set.route(isData: isData, ready: ready)
        #expect(route == leg.map { ConfluxSet.Route(leg: $0, switchedBy: distance) }, sourceLocation: place)
    }

    private func isOver(
        _ set: inout ConfluxSet, without leg: Int, hasUnacknowledged: Bool = false, _ expected: Bool, at place: SourceLocation = #_sourceLocation
    ) {
        let isOver = set.close(leg, hasUnacknowledged: hasUnacknowledged)
        #expect(isOver == expected, sourceLocation: place)
    }

    private func expectArrival(_ set: inout ConfluxSet, _ leg: Int, _ expected: ConfluxSet.Arrival, at place: SourceLocation = #_sourceLocation) throws {
        let arrival = try set.arrived(leg)
        #expect(arrival == expected, sourceLocation: place)
    }

    // MARK: Legs

    @Test("answers LINK with its nonce, what it has and a wish for latency")
    func linked() throws {
        var set = ConfluxSet()
        let answer = try set.link(Self.wish(), at: .zero)
        #expect(answer == ConfluxLinkMessage(nonce: Self.wish().nonce, lastSent: 0, lastReceived: 0, experience: .leastLatency))
        for _ in 0..<3 { _ = set.route(isData: false, ready: 1) }
        _ = try set.arrived(0)
        let later = try set.link(Self.wish(sent: 1), at: .zero)
        #expect(later.lastSent == 3 && later.lastReceived == 1)
    }

    @Test("takes eight legs and no ninth, and none whose client sent what has not come")
    func limits() throws {
        var set = ConfluxSet()
        for _ in 0..<8 { _ = try set.link(Self.wish(), at: .zero) }
        #expect(throws: ConfluxFailure.tooManyLegs) { try set.link(Self.wish(), at: .zero) }
        var other = ConfluxSet()
        #expect(throws: ConfluxFailure.dataLost) { try other.link(Self.wish(sent: 1), at: .zero) }
        #expect(other.legCount == 0)
    }

    @Test("takes one acknowledgement of each leg")
    func acknowledgedTwice() throws {
        var set = try legs(10, 20)
        #expect(throws: ConfluxFailure.impossible) { try set.acknowledged(1, at: .zero) }
    }

    @Test("goes on without a leg that did nothing, and ends with one that was in use, owes SENDMEs, or had the newest of either direction")
    func losses() throws {
        var set = try legs(10, 20, 30)
        for _ in 0..<5 { _ = set.route(isData: true, ready: 7) }
        var idle = set
        isOver(&idle, without: 1, false)
        #expect(idle.legCount == 2)
        expect(&idle, isData: true, ready: 3, leg: 0, switchedBy: nil)
        expect(&idle, isData: true, ready: 2, leg: 1, switchedBy: 6)
        var owing = set
        isOver(&owing, without: 2, hasUnacknowledged: true, true)
        var using = set
        isOver(&using, without: 0, true)
        var receiving = set
        _ = try receiving.arrived(2)
        isOver(&receiving, without: 2, true)
    }

    // MARK: Sending

    @Test("sends over the quickest leg that has room, and tells a leg that takes over how far the others have come")
    func throughput() throws {
        var set = try legs(20, 10)
        expect(&set, isData: true, ready: 3, leg: 1, switchedBy: nil)
        expect(&set, isData: true, ready: 3, leg: 1, switchedBy: nil)
        expect(&set, isData: true, ready: 1, leg: 0, switchedBy: 2)
        expect(&set, isData: true, ready: 1, leg: 0, switchedBy: nil)
        expect(&set, isData: true, ready: 2, leg: 1, switchedBy: 2)
        expect(&set, isData: true, ready: 0, leg: nil)
        expect(&set, isData: false, ready: 0, leg: 1, switchedBy: nil)
        set.noteRoundTrip(1, microseconds: 90_000)
        expect(&set, isData: true, ready: 3, leg: 0, switchedBy: 2)
    }

    @Test("waits for the quickest leg when its client wants latency", arguments: [ConfluxLinkMessage.Experience.leastLatency, .highThroughputLeastMemory])
    func latency(wish: ConfluxLinkMessage.Experience) throws {
        var set = try legs(20, 10, wish: wish)
        #expect(set.canSend(ready: 3) && !set.canSend(ready: 1))
        expect(&set, isData: true, ready: 1, leg: nil)
        expect(&set, isData: true, ready: 2, leg: 1)
    }

    @Test("sends no data before a round trip is known, but lets messages pass over its first leg")
    func unknown() throws {
        var set = try legs(0, 0)
        #expect(!set.canSend(ready: 3))
        expect(&set, isData: false, ready: 3, leg: 0, switchedBy: nil)
        try set.acknowledged(1, at: .zero + .milliseconds(5))
        expect(&set, isData: true, ready: 3, leg: 1, switchedBy: 1)
    }

    // MARK: Receiving

    @Test("refuses numbers that were delivered, that wait already, and distances that no connection comes to")
    func impossible() throws {
        var set = try legs(10, 20)
        try expectArrival(&set, 0, .next)
        #expect(throws: ConfluxFailure.impossible) { try set.arrived(1) }
        try set.switched(1, by: 9)
        try expectArrival(&set, 1, .early(11))
        let message = ConfluxSet.Message(command: RelayCommand.data, stream: 1, content: [1])
        try set.hold(message, as: 11)
        #expect(throws: ConfluxFailure.impossible) { try set.hold(message, as: 11) }
    }

    @Test("keeps no more than its bound for a gap that nobody fills")
    func bound() throws {
        var set = try legs(10)
        let message = ConfluxSet.Message(command: RelayCommand.data, stream: 1, content: [UInt8](repeating: 0, count: 488))
        try set.switched(0, by: 5)
        #expect(throws: ConfluxFailure.heldTooMuch) {
            while case .early(let number) = try set.arrived(0) { try set.hold(message, as: number) }
        }
        #expect(set.heldBytes > ConfluxSet.heldLimitBytes - 1000 && set.heldBytes < ConfluxSet.heldLimitBytes + 1000)
        let next = set.nextHeld()
        #expect(next == nil)
    }

    /// What one end put on a leg: a SWITCH or a counted message with its place in the whole.
    private enum OnWire {
        case distance(UInt32)
        case message(Int)
    }

    @Test("delivers everything once and in order, however late and whichever way messages come", arguments: Array(UInt64(1)...40))
    func anyDelay(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let count = Int.random(in: 1...4, using: &random)
        let wish = ConfluxLinkMessage.Experience.allCases.randomElement(using: &random) ?? .noOpinion
        var sender = ConfluxSet(), receiver = ConfluxSet()
        for leg in 0..<count {
            for message in [Self.wish(wish)] { _ = (try sender.link(message, at: .zero), try receiver.link(message, at: .zero)) }
            try sender.acknowledged(leg, at: .zero + .milliseconds(Int64.random(in: 1...90, using: &random)))
        }
        var wires = [[OnWire]](repeating: [], count: count)
        var sent = 0
        var delivered: [Int] = []
        while delivered.count < 2000 {
            let ready = UInt8.random(in: 0..<1 << UInt8(count), using: &random)
            if sent < 2000, let route = sender.route(isData: Bool.random(using: &random), ready: ready) {
                if let distance = route.switchedBy { wires[route.leg].append(.distance(distance)) }
                wires[route.leg].append(.message(sent))
                sent += 1
            }
            if Int.random(in: 0..<50, using: &random) == 0 { sender.noteRoundTrip(Int.random(in: 0..<count, using: &random), microseconds: Int.random(in: 1...99, using: &random)) }
            let leg = Int.random(in: 0..<count, using: &random)
            guard !wires[leg].isEmpty, sent == 2000 || Bool.random(using: &random) else { continue }
            switch wires[leg].removeFirst() {
            case .distance(let distance): try receiver.switched(leg, by: distance)
            case .message(let number):
                switch try receiver.arrived(leg) {
                case .next:
                    delivered.append(number)
                    while let held = receiver.nextHeld() { delivered.append(Int(held.content[0]) << 8 | Int(held.content[1])) }
                case .early(let place):
                    try receiver.hold(ConfluxSet.Message(command: RelayCommand.data, stream: 1, content: [UInt8(number >> 8), UInt8(number & 255)]), as: place)
                }
            }
        }
        #expect(delivered == Array(0..<2000), "seed \(seed)")
        #expect(receiver.heldBytes == 0)
    }
}
