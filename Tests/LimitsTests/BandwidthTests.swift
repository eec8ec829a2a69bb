import Ambience
import Testing

@testable import Limits

@Suite("Bandwidth under a rate")
struct BandwidthTests {
    @Test("Whatever the sizes and pauses, no more goes than burst and rate allow, and no less than the rate", arguments: 1...10 as ClosedRange<UInt64>)
    func rate(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var meter = BandwidthMeter()
        let rate = BandwidthPolicy.Rate(rate: 1_000_000, burst: 200_000)
        var moved = 0, now = Instant.zero
        for _ in 0..<5000 {
            now = now + .milliseconds(Int64.random(in: 0...20, using: &random))
            while meter.available(rate, now: now) > 0 {
                let record = Int.random(in: 1...16_384, using: &random)
                meter.spend(record)
                moved += record
            }
            #expect(Double(moved) <= 200_000 + 1_000_000 * (now - .zero).inSeconds + 16_384)
        }
        #expect(Double(moved) >= 1_000_000 * (now - .zero).inSeconds)
        #expect(meter.timesExhausted > 0)
    }

    @Test("After a silence there is a burst and no more")
    func burst() {
        var meter = BandwidthMeter()
        let rate = BandwidthPolicy.Rate(rate: 1000, burst: 5000)
        #expect(meter.available(rate, now: .zero) == 5000)
        meter.spend(6000)
        #expect(meter.available(rate, now: .zero + .milliseconds(900)) == 0)
        #expect(meter.available(rate, now: .zero + .seconds(2)) == 1000)
        #expect(meter.available(rate, now: .zero + .seconds(3600)) == 5000)
    }
}
