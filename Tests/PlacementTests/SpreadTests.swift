import Placement
import Testing

@Suite struct SpreadTests {
    @Test("Half with one provider and half with fifty looks better by entropy than it is")
    func longTail() {
        let spread = Spread(weights: [50] + Array(repeating: 1, count: 50))
        #expect(abs(spread.n1 - 14.14) < 0.01)
        #expect(abs(spread.n2 - 3.92) < 0.01)
        #expect(spread.nInfinity == 2)
        #expect(spread.guess == 0.5)
        #expect(abs(spread.guesses - 13.75) < 0.001)
        #expect(abs(1 / spread.n2 - 0.255) < 0.0001)
        #expect(abs(spread.distinctPair - 0.0134) < 0.0001)
        #expect(spread.coalition(1) == 0.25)
    }

    @Test("Ten equal providers are ten by every number")
    func equal() {
        let spread = Spread(weights: Array(repeating: 3, count: 10))
        for number in [spread.n1, spread.n2, spread.nInfinity] { #expect(abs(number - 10) < 1e-9) }
        #expect(abs(spread.guesses - 5.5) < 1e-9)
    }

    @Test("Weights of 6, 2, 1 and 1 count for fewer than three")
    func uneven() {
        let spread = Spread(weights: [1, 6, 0, 1, 2])
        #expect(abs(spread.n1 - 2.97) < 0.005)
        #expect(abs(spread.n2 - 2.38) < 0.005)
        #expect(spread.shares.count == 4)
    }

    @Test("Of nothing there is no spread, and one class is seen at both ends unless they must differ")
    func edges() {
        #expect(Spread(weights: []).n1 == 0 && Spread(weights: [0]).nInfinity == 0)
        #expect(Spread(weights: [7]).coalition(1) == 1 && Spread(weights: [7]).distinctPair == 0)
    }
}
