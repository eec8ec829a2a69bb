import Ambience
import Leasing
@testable import Prices
import Testing
@testable import Usage

let dollar = Currency(rawValue: "USD")!
let midnight = WallTime(secondsSinceEpoch: 20_000 * 86400)

func amount(_ text: String) throws -> Amount { try #require(Amount(text)) }

/// An hour costs a cent and is paid whole; what is sent costs 0.10 a gigabyte.
func hourly() throws -> Tariff {
    Tariff(
        currency: dollar, price: try amount("0.01"), perSeconds: 3600, grainSeconds: 3600, minimumSeconds: 3600, minimumCharge: .zero, addressPrice: nil,
        traffic: .init(price: try amount("0.10"), perBytes: 1_000_000_000, includedBytes: 0))
}

func lease(_ number: UInt64, at: WallTime = midnight, provider: String = "hetzner", payer: String = "first", ceiling: String? = "0.05") throws -> Lease {
    Lease(
        key: MoteKey(high: 0, low: number), lifetimeClass: .normal, intended: at, expires: at + 3600, drainSeconds: 300,
        site: Site(provider: provider, payer: payer, region: "fsn1", size: "small"), ceiling: try ceiling.map { Money(try amount($0), dollar) })
}

extension MoteUsage {
    init(_ number: UInt64, at: WallTime = midnight, _ steps: [(Int64, MoteChange)]) throws {
        let lease = try lease(number, at: at)
        self.init(lease, tariff: try hourly())
        for (seconds, change) in steps { take(MoteEvent(key: lease.key, at: at + seconds, change: change)) }
    }
}

@Suite struct MoteUsageTests {
    @Test("A mote is promised at its ceiling while it may exist and counts at its cost once it is gone")
    func commitment() throws {
        var mote = try MoteUsage(1, [])
        #expect(mote.committed(midnight)?.amount == Amount("0.05"))
        mote.take(MoteEvent(key: mote.key, at: midnight + 5, change: .starting(attempt: 1)))
        mote.take(MoteEvent(key: mote.key, at: midnight + 60, change: .running))
        #expect(mote.committed(midnight + 100)?.amount == Amount("0.05") && mote.cost(midnight + 100)?.amount == Amount("0.01"))
        mote.take(MoteEvent(key: mote.key, at: midnight + 3000, change: .gone(.expiry)))
        #expect(mote.committed(midnight + 9000)?.amount == Amount("0.01"))
        #expect((mote.livedSeconds(midnight + 9000), mote.paidSeconds(midnight + 9000)) == (2995, 3600))
    }

    @Test("What was never ordered costs nothing")
    func neverOrdered() throws {
        let mote = try MoteUsage(1, [(10, .gone(.down))])
        #expect(mote.committed(midnight + 60)?.amount == .zero && mote.livedSeconds(midnight + 60) == 0)
    }

    @Test("Each machine of a mote is paid by itself")
    func attempts() throws {
        let mote = try MoteUsage(1, [(0, .starting(attempt: 1)), (100, .starting(attempt: 2)), (200, .gone(.lost))])
        #expect(mote.cost(midnight + 200)?.amount == Amount("0.02") && mote.paidSeconds(midnight + 200) == 7200 && mote.livedSeconds(midnight + 200) == 200)
    }

    @Test("A step taken twice, or after the end, changes nothing")
    func twice() throws {
        let once = try MoteUsage(1, [(0, .starting(attempt: 1)), (100, .gone(.expiry))])
        #expect(try MoteUsage(1, [(0, .starting(attempt: 1)), (100, .gone(.expiry)), (900, .gone(.expiry)), (950, .starting(attempt: 2))]) == once)
    }

    @Test("Sending more than was expected counts against the budget beyond the ceiling, and is named")
    func excess() throws {
        var mote = try MoteUsage(1, [(0, .starting(attempt: 1))])
        mote.sentBytes = 1_000_000_000
        #expect(mote.committed(midnight + 60)?.amount == Amount("0.11") && mote.excess(midnight + 60) == Amount("0.06"))
    }

    @Test("The days' shares add up to the whole, to the last decimal", arguments: 1...20)
    func days(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var mote = try MoteUsage(1, at: midnight + Int64.random(in: 0..<86400, using: &random), [])
        var at: Int64 = 0
        for attempt in 1...3 {
            mote.take(MoteEvent(key: mote.key, at: mote.intended + at, change: .starting(attempt: attempt)))
            at += Int64.random(in: 1...200_000, using: &random)
        }
        mote.take(MoteEvent(key: mote.key, at: mote.intended + at, change: .gone(.lost)))
        mote.sentBytes = Int64.random(in: 0...10_000_000_000, using: &random)
        let now = mote.intended + at, shares = mote.shares(now)
        #expect(shares.values.reduce(0) { $0 + $1.livedSeconds } == mote.livedSeconds(now))
        #expect(shares.values.reduce(0) { $0 + $1.paidSeconds } == mote.paidSeconds(now))
        #expect(shares.values.reduce(Amount.zero) { $0 + $1.cost } == mote.cost(now)?.amount)
        #expect(shares.count >= 2 || at < 86400)
    }
}

@Suite struct MeterTests {
    @Test("What is read twice counts once, and a process that begins anew counts from there")
    func once() {
        var meter = Meter()
        func read(_ run: Int, _ bytes: Int64, _ seconds: Int64) -> Int64 { meter.advance(run: run, read: bytes, written: 0, atSeconds: seconds).read }
        let news = [read(1, 100, 10), read(1, 100, 11), read(1, 150, 12), read(2, 30, 13), read(2, 20, 14)]
        #expect(news == [100, 0, 50, 30, 20])
    }

    @Test("A process that says the impossible is believed as far as a fast line goes, and negative counts are none")
    func implausible() {
        var meter = Meter()
        _ = meter.advance(run: 1, read: 0, written: 0, atSeconds: 100)
        let news = meter.advance(run: 1, read: .max, written: -5, atSeconds: 110)
        #expect(news == (10 * Meter.plausibleBytesPerSecond, 0))
    }
}
