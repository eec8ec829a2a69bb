import Ambience
import Testing

@testable import Onion

@Suite("XOFF and XON")
struct StreamFlowTests {
    private static let limit = 500 * 488
    private func at(_ milliseconds: Int64) -> Instant { Instant.zero + .milliseconds(milliseconds) }

    @Test("are written as stock writes them; other versions and short ones are refused")
    func messages() throws {
        #expect(XoffMessage().encoded == [0] && XonMessage(rateKilobytesPerSecond: 0x0102_0304).encoded == [0, 1, 2, 3, 4])
        #expect(try XonMessage([0, 0, 0, 1, 0, 99]).rateKilobytesPerSecond == 256)
        #expect(throws: MessageError.unsupportedVersion) { try XonMessage([1, 0, 0, 0, 0]) }
        #expect(throws: MessageError.truncated) { try XonMessage([0, 0, 0, 0]) }
        #expect(throws: MessageError.unsupportedVersion) { try XoffMessage([1]) }
        #expect(throws: MessageError.truncated) { try XoffMessage([]) }
    }

    @Test("a buffer that stays too full brings one XOFF, and an empty one XON")
    func stopAndGo() {
        var meter = DrainMeter(FlowParameters(), isClient: false)
        #expect(meter.note(drained: 0, buffered: Self.limit, at: at(0)) == nil)
        #expect(meter.note(drained: 0, buffered: Self.limit + 1, at: at(1)) == nil)
        #expect(meter.note(drained: 0, buffered: Self.limit + 1, at: at(5)) == nil)
        #expect(meter.note(drained: 0, buffered: Self.limit + 1, at: at(6)) == .xoff)
        #expect(meter.note(drained: 0, buffered: 2 * Self.limit, at: at(20)) == nil)
        #expect(meter.note(drained: 2 * Self.limit - 1, buffered: 1, at: at(100)) == nil)
        let rate = UInt32((2 * Self.limit - 1) / 100)
        #expect(meter.note(drained: 1, buffered: 0, at: at(101)) == .xon(XonMessage(rateKilobytesPerSecond: rate)))
        #expect(meter.note(drained: 0, buffered: 0, at: at(102)) == nil)
    }

    @Test("a burst that drains in time brings nothing")
    func burst() {
        var meter = DrainMeter(FlowParameters(), isClient: true)
        for round in 0..<100 as Range<Int64> {
            #expect(meter.note(drained: 0, buffered: 2 * Self.limit, at: at(round * 10)) == nil)
            #expect(meter.note(drained: 2 * Self.limit, buffered: 0, at: at(round * 10 + 4)) == nil)
        }
    }

    @Test("a rate that changed enough is told again, one that did not is not")
    func advice() {
        var meter = DrainMeter(FlowParameters(), isClient: false)
        _ = meter.note(drained: 0, buffered: Self.limit + 1, at: at(0))
        #expect(meter.note(drained: 0, buffered: Self.limit + 1, at: at(5)) == .xoff)
        _ = meter.note(drained: 0, buffered: Self.limit + 1, at: at(5))
        _ = meter.note(drained: Self.limit, buffered: 1, at: at(105))
        #expect(meter.note(drained: 1, buffered: 0, at: at(105)) == .xon(XonMessage(rateKilobytesPerSecond: UInt32(Self.limit / 105))))
        _ = meter.note(drained: 0, buffered: 1, at: at(200))
        #expect(meter.note(drained: Self.limit, buffered: 1, at: at(300)) == nil)
        _ = meter.note(drained: 0, buffered: 1, at: at(301))
        let told = meter.note(drained: Self.limit, buffered: 1, at: at(311))
        guard case .xon(let message) = told else { return #expect(Bool(false), "no advice: \(String(describing: told))") }
        #expect(message.rateKilobytesPerSecond > UInt32(Self.limit / 105) * 5 / 4)
    }

    @Test("XOFF stops a stream and XON lets it go on, as fast as told")
    func permit() throws {
        var permit = SendPermit(FlowParameters(), isClient: true)
        #expect(permit.isUnlimited && permit.allowance(at: at(0)) == .max && permit.retry == nil)
        try permit.stop(sent: UInt64(Self.limit))
        #expect(permit.allowance(at: at(0)) == 0 && permit.retry == nil)
        try permit.resume(XonMessage(rateKilobytesPerSecond: 1000), sent: UInt64(Self.limit), at: at(0))
        var sent = 0
        for millisecond in 0..<1000 as Range<Int64> {
            let allowed = permit.allowance(at: at(millisecond))
            permit.spend(allowed)
            sent += allowed
        }
        #expect((1_000_000...1_100_000).contains(sent))
        #expect(permit.retry != nil)
        try permit.resume(XonMessage(rateKilobytesPerSecond: 0), sent: UInt64(2 * Self.limit), at: at(2000))
        #expect(permit.isUnlimited)
    }

    @Test("the fastest rate that can be told overflows nothing")
    func fastest() throws {
        var permit = SendPermit(FlowParameters(), isClient: false)
        try permit.resume(XonMessage(rateKilobytesPerSecond: .max), sent: 0, at: at(0))
        #expect(permit.allowance(at: at(1 << 40)) > 0 && permit.retry != nil)
    }

    @Test("a client takes no signal that its bytes cannot have caused; nobody takes a second XOFF")
    func unearned() throws {
        var client = SendPermit(FlowParameters(), isClient: true)
        #expect(throws: FlowFailure.unearnedSignal) { try client.stop(sent: UInt64(Self.limit - 1)) }
        var other = SendPermit(FlowParameters(), isClient: true)
        #expect(throws: FlowFailure.unearnedSignal) { try other.resume(XonMessage(rateKilobytesPerSecond: 1), sent: 0, at: at(0)) }
        var exit = SendPermit(FlowParameters(), isClient: false)
        try exit.stop(sent: 0)
        #expect(throws: FlowFailure.unearnedSignal) { try exit.stop(sent: UInt64(Self.limit * 9)) }
    }

    @Test("a sender that obeys a slow receiver is never told to stop more often than it may be", arguments: [91, 92, 93] as [UInt64])
    func together(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var (permit, meter) = (SendPermit(FlowParameters(), isClient: true), DrainMeter(FlowParameters(), isClient: false))
        var (sent, buffered, stops) = (0, 0, 0)
        for millisecond in 0..<60_000 as Range<Int64> {
            let now = at(millisecond)
            let bytes = min(permit.allowance(at: now), Int.random(in: 0..<20_000, using: &random))
            permit.spend(bytes)
            sent += bytes
            buffered += bytes
            let drained = min(buffered, Int.random(in: 0..<(millisecond < 30_000 ? 4000 : 15_000), using: &random))
            buffered -= drained
            switch meter.note(drained: drained, buffered: buffered, at: now) {
            case .xoff:
                stops += 1
                try permit.stop(sent: UInt64(sent))
            case .xon(let message): try permit.resume(message, sent: UInt64(sent), at: now)
            case nil: break
            }
            #expect(buffered < 3 * Self.limit, "seed \(seed)")
        }
        #expect(stops > 0 && sent > 60_000_000, "seed \(seed): \(stops) stops, \(sent) bytes")
    }
}
