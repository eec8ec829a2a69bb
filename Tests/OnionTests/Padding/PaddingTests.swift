import Ambience
import Onion
import Testing

@Suite("Circuit padding at a relay")
struct CircuitPaddingTests {
    /// Padding that expectations may change.
    private final class Kept {
        private var padding = CircuitPadding()
        private var random = SeededRandom(seed: 17)

        func receive(isStart: Bool = true, _ machine: UInt8, _ counter: UInt32, isDisabled: Bool = false) -> CircuitPadding.Reaction {
            padding.receive(CircuitPaddingRequest(isStart: isStart, machine: machine, counter: counter), isDisabled: isDisabled, &random)
        }

        func sent() -> CircuitPadding.Reaction { padding.sent(&random) }
    }

    private func answer(isStart: Bool, _ machine: UInt8, _ counter: UInt32, isAccepted: Bool = true) -> CircuitPaddingAnswer {
        CircuitPaddingAnswer(isStart: isStart, isAccepted: isAccepted, machine: machine, counter: counter)
    }

    @Test("the machine of introductions sends seven to nine DROPs, 1 to 10 ms apart, then says that it stops")
    func introduction() {
        for _ in 0..<50 {
            let padding = Kept()
            var reaction = padding.receive(0, 1)
            #expect(reaction.answer == answer(isStart: true, 0, 1))
            var drops = 0
            while let delay = reaction.nextDrop {
                #expect(delay >= .milliseconds(1) && delay < .milliseconds(10))
                drops += 1
                reaction = padding.sent()
            }
            #expect((7...9).contains(drops) && reaction.answer == answer(isStart: false, 0, 1))
            #expect(padding.sent() == CircuitPadding.Reaction())
        }
    }

    @Test("the machine of rendezvous sends one DROP at once and waits to be stopped")
    func rendezvous() throws {
        let padding = Kept()
        let delay = try #require(padding.receive(1, 3).nextDrop)
        #expect(delay < .milliseconds(1))
        #expect(padding.sent() == CircuitPadding.Reaction())
        #expect(padding.receive(isStart: false, 1, 3).answer == answer(isStart: false, 1, 3))
        #expect(padding.receive(0, 4).nextDrop != nil)
    }

    @Test("a machine that is not known, and a second one at the same time, are refused; a disabled one sends nothing")
    func refused() {
        let padding = Kept()
        #expect(padding.receive(7, 1) == CircuitPadding.Reaction(answer: answer(isStart: true, 7, 1, isAccepted: false)))
        _ = padding.receive(0, 2)
        #expect(padding.receive(1, 3) == CircuitPadding.Reaction(answer: answer(isStart: true, 1, 3, isAccepted: false)))
        let disabled = Kept()
        #expect(disabled.receive(0, 1, isDisabled: true) == CircuitPadding.Reaction(answer: answer(isStart: true, 0, 1)))
        #expect(disabled.sent() == CircuitPadding.Reaction())
    }

    @Test("stopping what does not run, or ran before, is not answered")
    func staleStops() {
        let padding = Kept()
        #expect(padding.receive(isStart: false, 0, 1) == CircuitPadding.Reaction())
        _ = padding.receive(0, 2)
        #expect(padding.receive(isStart: false, 0, 1) == CircuitPadding.Reaction() && padding.receive(isStart: false, 1, 2) == CircuitPadding.Reaction())
        #expect(padding.receive(isStart: false, 0, 0).answer != nil)
        #expect(padding.sent() == CircuitPadding.Reaction())
    }

    @Test("messages are read as they are written, and nothing else is")
    func messages() throws {
        let request = CircuitPaddingRequest(isStart: true, machine: 0, counter: 1)
        #expect(request.encoded == [0, 2, 0, 0, 0, 0, 0, 1])
        #expect(try CircuitPaddingRequest(request.encoded) == request)
        let said = answer(isStart: false, 1, 0x0102_0304, isAccepted: false)
        #expect(said.encoded == [0, 1, 2, 1, 1, 2, 3, 4])
        #expect(try CircuitPaddingAnswer(said.encoded) == said)
        for bad in [[], [1, 2, 0, 0, 0, 0, 0, 1], [0, 3, 0, 0, 0, 0, 0, 1], [0, 2, 0, 0, 0, 0, 0]] as [[UInt8]] {
            #expect(throws: MessageError.self) { try CircuitPaddingRequest(bad) }
            #expect(throws: MessageError.self) { try CircuitPaddingAnswer(bad) }
        }
        #expect(throws: MessageError.self) { try CircuitPaddingAnswer([0, 1, 3, 1, 0, 0, 0, 0]) }
    }

    @Test("whatever a client asks, it gets at most nine DROPs for each request", arguments: [21, 22] as [UInt64])
    func bounded(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let padding = Kept()
        var requests = 0, drops = 0
        var pending = false
        for _ in 0..<20_000 {
            let body = (0..<Int.random(in: 0...10, using: &random)).map { _ in UInt8.random(in: 0...3, using: &random) }
            if let request = try? CircuitPaddingRequest(body) {
                requests += 1
                let reaction = padding.receive(isStart: request.isStart, request.machine, request.counter)
                if reaction.answer?.isStart == false { pending = false }
                if reaction.nextDrop != nil { pending = true }
            }
            guard pending, Bool.random(using: &random) else { continue }
            drops += 1
            pending = padding.sent().nextDrop != nil
        }
        #expect(requests > 100 && drops <= 9 * requests, "seed \(seed)")
    }
}

@Suite("Link padding")
struct LinkPaddingTests {
    private func idleTimes(_ padding: LinkPadding, _ parameters: LinkPaddingParameters = LinkPaddingParameters()) -> [Int64] {
        var random = SeededRandom(seed: 5)
        return (0..<4000).compactMap { _ in padding.idleTime(parameters, &random)?.inMilliseconds }
    }

    @Test("without negotiation the idle time is the longer of two draws between 1.5 and 9.5 seconds")
    func usual() {
        let times = idleTimes(LinkPadding())
        #expect(times.allSatisfy { (1500..<9500).contains($0) })
        let mean = times.reduce(0, +) / Int64(times.count)
        #expect((6633...7033).contains(mean), "two thirds of the way: \(mean)")
    }

    @Test("a client can have less padding or none, never more than the consensus allows")
    func negotiated() {
        var padding = LinkPadding()
        padding.receive(PaddingNegotiateMessage(isStart: true, lowMilliseconds: 5000, highMilliseconds: 20_000), LinkPaddingParameters())
        #expect(idleTimes(padding).allSatisfy { (5000..<20_000).contains($0) })
        padding.receive(PaddingNegotiateMessage(isStart: true, lowMilliseconds: 1, highMilliseconds: 2), LinkPaddingParameters())
        #expect(idleTimes(padding).allSatisfy { (1500..<9500).contains($0) })
        padding.receive(PaddingNegotiateMessage(isStart: false, lowMilliseconds: 0, highMilliseconds: 0), LinkPaddingParameters())
        #expect(idleTimes(padding).isEmpty)
        padding.receive(PaddingNegotiateMessage(isStart: true, lowMilliseconds: .max, highMilliseconds: 0), LinkPaddingParameters())
        #expect(idleTimes(padding).allSatisfy { $0 == 65_535 })
    }

    @Test("a client that wants less says stop and pads at its own slow pace; one that wants none only says stop")
    func wishes() {
        let stop = PaddingNegotiateMessage(isStart: false, lowMilliseconds: 0, highMilliseconds: 0)
        var usual = LinkPadding(), reduced = LinkPadding(), none = LinkPadding()
        let said = [usual.begin(.usual), reduced.begin(.reduced), none.begin(.none)]
        #expect(said == [nil, stop, stop])
        #expect(!idleTimes(usual).isEmpty && idleTimes(none).isEmpty && idleTimes(reduced).allSatisfy { (9000..<14_000).contains($0) })
    }

    @Test("a consensus that says zero wants no padding, and one that turns the bounds round does not trap")
    func parameters() {
        let off = LinkPaddingParameters { name, fallback, range in name.hasPrefix("nf_ito") ? 0 : fallback }
        #expect(idleTimes(LinkPadding(), off).isEmpty)
        let turned = LinkPaddingParameters { name, fallback, range in
            let said: Int32 = name == "nf_ito_low" ? 50_000 : name == "nf_ito_high" ? 10 : fallback
            return min(max(said, range.lowerBound), range.upperBound)
        }
        #expect(idleTimes(LinkPadding(), turned).allSatisfy { $0 == 50_000 })
    }
}
