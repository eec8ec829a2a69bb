import Exchange
import Sealing
import Testing

/// What witnesses found taken, of which the throttle believes the smaller half.
@Suite("Shares that probes find taken")
struct ProbedSharesTests {
    private let world: LogWorld
    private let motes = (0..<3).map { _ in Ed25519Key().publicKey }
    private let now = Slice(2_000_000)
    init() throws { world = try LogWorld() }

    private func verdict(_ witness: Int, _ mote: Int, _ taken: UInt16?, _ slice: Slice? = nil) -> Verdict {
        let (name, key) = world.witnesses[witness]
        return Verdict(witness: name, mote: motes[mote], slice: slice ?? now, isUp: taken != nil, taken: taken ?? 0, key: key)
    }

    private func found(_ verdicts: [Verdict], _ sizes: [MoteClass] = [.small, .small, .medium]) -> ProbedShares {
        ProbedShares(zip(motes, sizes).map { ($0, $1) }, verdicts, at: now, world.terms.trust)
    }

    @Test("of three witnesses the middle one counts, of two the lower one, and one alone not at all")
    func median() {
        #expect(found([verdict(0, 0, 3), verdict(1, 0, 9), verdict(2, 0, 5)]).sum == 5)
        #expect(found([verdict(0, 0, 3), verdict(1, 0, 9)]).sum == 3)
        #expect(found([verdict(0, 0, 9), verdict(0, 0, 9), verdict(1, 0, 9, now + 1)]).sum == 0)
        #expect(found([verdict(0, 0, nil), verdict(1, 0, nil), verdict(2, 0, 9)]).sum == 0, "it was down")
        #expect(found([verdict(0, 0, 3), Verdict(witness: "w2", mote: motes[0], slice: now, isUp: true, taken: 3, key: Ed25519Key())]).sum == 0, "nobody's signature")
    }

    @Test("no mote counts for more than its shares, and one that is not listed for nothing")
    func limit() {
        let verdicts = (0..<3).flatMap { witness in (0..<3).map { verdict(witness, $0, 1000) } }
        #expect(found(verdicts).sum == 15 + 15 + 60)
        #expect(found(verdicts, [.small]).sum == 15 && found(verdicts, []) == ProbedShares())
    }

    @Test("the lowest is that of the class whose emptiest twentieth has least")
    func lowest() {
        let verdicts = (0..<3).flatMap { witness in [verdict(witness, 0, 12), verdict(witness, 1, 7), verdict(witness, 2, 30)] }
        #expect(found(verdicts).low == 7 && found(verdicts, [.small]).low == 12 && found(verdicts, [.large, .medium, .small]).low == 7)
        let many = (0..<40).map { _ in Ed25519Key().publicKey }
        let all = many.enumerated().flatMap { number, mote in
            world.witnesses.map { Verdict(witness: $0.name, mote: mote, slice: now, isUp: true, taken: UInt16(number), key: $0.key) }
        }
        #expect(ProbedShares(many.map { ($0, .large) }, all, at: now, world.terms.trust).low == 1, "one in twenty may be emptier")
    }

    @Test("permits follow the smaller of what was deposited and what probes found")
    func law() {
        func target(_ deposited: Int64, _ probed: Int64) -> Int64 {
            var law = PermitLaw(world.terms), last: Int64 = 0
            for slice in now..<now + 12 {
                let counts = SliceCounts(deposited: deposited, sold: 30, live: 40, wanted: 100, probed: ProbedShares(sum: probed, low: 100))
                last = law.decide(counts, at: slice).decision.target
            }
            return last
        }
        let both = target(1000, 1000)
        #expect(both > 20_000 && target(10_000, 1000) == both && target(1000, 10_000) == both, "\(both)")
        #expect(target(1000, 500) < both && target(500, 1000) == target(500, 500))
    }

    @Test("while the emptiest motes are below the floor for two slices, none is added")
    func empty() {
        func permits(_ low: Int64) -> Int64 {
            var law = PermitLaw(world.terms), last: Int64 = 0
            for slice in now..<now + 4 {
                let counts = SliceCounts(deposited: 5000, sold: 30, live: 40, ending: 3, wanted: 100, probed: ProbedShares(sum: 5000, low: low))
                last = law.decide(counts, at: slice).decision.permits
            }
            return last
        }
        #expect(permits(9) == 3000 && permits(10) > 3000, "ten shares are a pool of five messages")
    }
}
