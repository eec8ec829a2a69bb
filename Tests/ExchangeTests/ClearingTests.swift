import Ambience
import Exchange
import Sealing
import Testing

@Suite("Clearing")
struct ClearingTests {
    private func offers(_ seed: UInt64, count: Int, buckets: Int) -> [SwapOffer] {
        var random = SeededRandom(seed: seed)
        return (0..<count).map { index in
            let accepts = (0..<Int.random(in: 1...3, using: &random)).reduce(UInt32(0)) { bits, _ in bits | 1 << UInt32.random(in: 0..<UInt32(buckets), using: &random) }
            return SwapOffer(id: Digest.sha256("\(seed) \(index)".utf8), gives: UInt8.random(in: 0..<UInt8(buckets), using: &random), accepts: accepts)!
        }
    }

    private func check(_ offers: [SwapOffer], _ result: [[UInt8]: UInt8]) {
        var given = [Int](repeating: 0, count: 32), got = given
        for offer in offers {
            guard let bucket = result[offer.id] else { continue }
            #expect(offer.accepts >> UInt32(bucket) & 1 == 1)
            given[Int(offer.gives)] += 1
            got[Int(bucket)] += 1
        }
        #expect(given == got)
    }

    @Test("everybody who is matched gets a bucket that it accepts, and each bucket gives as many as it gets", arguments: 0..<50 as Range<UInt64>)
    func balanced(seed: UInt64) {
        let offers = offers(seed, count: 5 + Int(seed) * 3, buckets: 2 + Int(seed) % 10)
        check(offers, Clearing.run(offers, beacon: [UInt8(seed)]))
    }

    @Test("no other clearing matches more: small markets are tried out whole", arguments: 0..<60 as Range<UInt64>)
    func largest(seed: UInt64) {
        let offers = offers(seed, count: 6, buckets: 4)
        #expect(Clearing.run(offers, beacon: [1]).count == Self.best(offers[...], balance: [Int](repeating: 0, count: 4), matched: 0))
    }

    /// Every way to match.
    private static func best(_ offers: ArraySlice<SwapOffer>, balance: [Int], matched: Int) -> Int {
        guard let offer = offers.first else { return balance.allSatisfy { $0 == 0 } ? matched : -1 }
        var most = best(offers.dropFirst(), balance: balance, matched: matched)
        for bucket in balance.indices where offer.accepts >> UInt32(bucket) & 1 == 1 {
            var next = balance
            next[Int(offer.gives)] -= 1
            next[bucket] += 1
            most = max(most, best(offers.dropFirst(), balance: next, matched: matched + 1))
        }
        return most
    }

    @Test("no fleet is smaller than the least, and who gave or wanted there waits or gets another bucket", arguments: 0..<30 as Range<UInt64>)
    func leastFleet(seed: UInt64) {
        let offers = offers(seed, count: 100 + Int(seed) * 20, buckets: 4 + Int(seed) % 12), beacon = [UInt8(seed)]
        let result = Clearing.run(offers, beacon: beacon, leastFleet: 20)
        check(offers, result)
        for fleet in Dictionary(grouping: result.values, by: { $0 }).values { #expect(fleet.count >= 20) }
        #expect(Clearing.run(offers.reversed(), beacon: beacon, leastFleet: 20) == result)
        // Large ones stay as large as they were without it, or larger.
        if seed == 29 { #expect(result.count > 300) }
        #expect(Clearing.run(Array(offers.prefix(19)), beacon: beacon, leastFleet: 20).isEmpty)
    }

    @Test("one ring through all 32 buckets is found, and is nothing when one of its owners is missing")
    func longRing() {
        let ring = (0..<32).map { SwapOffer(id: [UInt8($0)], gives: UInt8($0), accepts: 1 << UInt32(($0 + 1) % 32))! }
        #expect(Clearing.run(ring, beacon: []).count == 32)
        #expect(Clearing.run(ring.dropLast(), beacon: []).isEmpty)
        #expect(SwapOffer(id: [], gives: 32, accepts: 1) == nil)
    }

    @Test("the same data gives the same result in whatever order it comes, and the beacon alone decides between equals")
    func repeatable() {
        let offers = offers(9, count: 200, buckets: 8)
        let result = Clearing.run(offers, beacon: [1, 2])
        #expect(Clearing.run(offers.reversed(), beacon: [1, 2]) == result)
        // Two want the one mote there is in bucket 1: over many beacons each gets it about as often.
        let rivals = [SwapOffer(id: [1], gives: 0, accepts: 2)!, SwapOffer(id: [2], gives: 0, accepts: 2)!, SwapOffer(id: [3], gives: 1, accepts: 1)!]
        let first = (0..<200).count { Clearing.run(rivals, beacon: [UInt8($0)])[[1]] != nil }
        #expect((60...140).contains(first))
    }

    @Test("a slice's orders are carried out in an order that the beacon gives, and witnesses can only reveal what they committed to")
    func beacon() {
        let anchor = Digest.sha256([UInt8](repeating: 7, count: 32))
        #expect(Beacon.isNext([UInt8](repeating: 7, count: 32), after: anchor))
        #expect(!Beacon.isNext([UInt8](repeating: 8, count: 32), after: anchor) && !Beacon.isNext([7], after: anchor))
        let ids = (0..<50).map { Digest.sha256([UInt8($0)]) }
        let one = Beacon.value([("a", [1]), ("b", [2])], root: [9]), same = Beacon.value([("b", [2]), ("a", [1])], root: [9])
        #expect(one == same && one != Beacon.value([("a", [1]), ("b", [2])], root: [8]))
        #expect(Beacon.order(ids, one) == Beacon.order(ids.reversed(), one) && Beacon.order(ids, one) != Beacon.order(ids, anchor))
        #expect(Set(Beacon.order(ids, one)) == Set(ids))
    }
}
