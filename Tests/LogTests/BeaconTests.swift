import Exchange
import Sealing
import Testing

@Suite("Beacons and what witnesses find")
struct BeaconTests {
    private let world: LogWorld
    private let now: Slice
    private let secrets = (0..<3).map { _ in ChainSecret(seed: .random(32), length: 50)! }
    init() throws {
        world = try LogWorld()
        now = world.now
    }

    private func chain(_ index: Int, first: Slice) -> BeaconChain {
        BeaconChain(witness: world.witnesses[index].name, first: first, secret: secrets[index], key: world.witnesses[index].key)
    }

    private func book() -> ChainBook {
        var book = ChainBook(world.terms.trust)
        for index in 0..<3 { add(chain(index, first: now), now - 4, to: &book, true) }
        return book
    }

    private func add(_ chain: BeaconChain, _ slice: Slice, to book: inout ChainBook, _ isTaken: Bool) {
        let taken = book.add(chain, loggedAt: slice)
        #expect(taken == isTaken)
    }

    private func reveal(_ index: Int, _ seal: OrdersSeal) throws -> Reveal {
        Reveal(witness: world.witnesses[index].name, value: try #require(secrets[index].value(Int(seal.slice.index - now.index))), of: seal, key: world.witnesses[index].key)
    }

    private func seal(_ slice: Slice) -> OrdersSeal { OrdersSeal(slice: slice, ids: [[1], [2], [3]].map { Digest.sha256($0) }) }

    private func fault(_ record: BeaconRecord, _ book: ChainBook? = nil) -> BeaconRecord.Fault? {
        var chains = book ?? self.book()
        do { try record.check(world.terms.trust, &chains); return nil } catch { return error }
    }

    @Test("a beacon is made of what witnesses revealed for exactly these orders; whoever is missing is named")
    func beacon() throws {
        var chains = book(), values: Set<[UInt8]> = []
        for step in [0, 1, 5, 3, 49] as [Int64] {
            let seal = seal(now + step), record = BeaconRecord(seal: seal, reveals: try [2, 0].map { try reveal($0, seal) })
            try record.check(world.terms.trust, &chains)
            #expect(record.missing(world.terms.trust, chains) == ["w2"])
            #expect(try BeaconRecord(record.bytes) == record)
            values.insert(record.value)
        }
        #expect(values.count == 5)
        #expect(secrets[0].value(50) == nil)
    }

    @Test("one witness is too few, and a value of another slice, of other orders or of another witness is none")
    func wrong() throws {
        let seal = seal(now + 3), good = try reveal(0, seal)
        #expect(fault(BeaconRecord(seal: seal, reveals: [good])) == .tooFew)
        #expect(fault(BeaconRecord(seal: seal, reveals: [good, good])) == .wrong(witness: "w1"))
        #expect(fault(BeaconRecord(seal: seal, reveals: [good, try reveal(1, self.seal(now + 4))])) == .wrong(witness: "w2"))
        // Known once a later slice's value is: its signature is of other orders.
        let late = Reveal(witness: "w2", value: Digest.sha256(secrets[1].value(4)!), of: OrdersSeal(slice: now + 3, ids: []), key: world.witnesses[1].key)
        #expect(late.value == secrets[1].value(3) && fault(BeaconRecord(seal: seal, reveals: [good, late])) == .wrong(witness: "w2"))
        let stranger = Reveal(witness: "w2", value: secrets[1].value(3)!, of: seal, key: Ed25519Key())
        #expect(fault(BeaconRecord(seal: seal, reveals: [good, stranger])) == .wrong(witness: "w2"))
        let invented = Reveal(witness: "w2", value: Digest.sha256([9]), of: seal, key: world.witnesses[1].key)
        #expect(fault(BeaconRecord(seal: seal, reveals: [good, invented])) == .wrong(witness: "w2"))
        #expect(fault(BeaconRecord(seal: seal, reveals: [good, try reveal(1, seal)]), ChainBook(world.terms.trust)) == .wrong(witness: "w1"), "no chain was logged")
    }

    @Test("a chain counts from four slices after it was logged, and the next begins where it ends: none can be chosen for known orders")
    func chains() throws {
        var book = ChainBook(world.terms.trust)
        add(chain(0, first: now), now, to: &book, true)
        add(chain(0, first: now + 49), now, to: &book, false)
        add(chain(0, first: now + 50), now + 49, to: &book, true)
        add(BeaconChain(witness: "w2", first: now + 4, secret: secrets[1], key: world.witnesses[0].key), now, to: &book, false)
        add(BeaconChain(witness: "w9", first: now + 4, secret: secrets[1], key: Ed25519Key()), now, to: &book, false)
        #expect(!book.expects("w1", now + 3) && book.expects("w1", now + 4) && book.expects("w1", now + 49) && !book.expects("w2", now + 4))
        #expect(!book.expects("w1", now + 52) && book.expects("w1", now + 53) && book.expects("w1", now + 99) && !book.expects("w1", now + 100))
        let read = try BeaconChain(chain(0, first: now).bytes)
        #expect(read == chain(0, first: now) && read.isSigned(by: world.witnesses[0].key.publicKey))
        for wrong in ["", "dust-chain 1\n", String(decoding: read.bytes, as: UTF8.self) + "\n", String(decoding: read.bytes, as: UTF8.self).replacing("length 50", with: "length 050")] {
            #expect(throws: BeaconChain.Failure.self) { try BeaconChain(Array(wrong.utf8)) }
        }
    }

    /// Whoever comes last may keep its value back: that is a choice between two beacons, and everybody sees that it was made.
    @Test("a witness that withholds moves the beacon to one other value and is named")
    func withholding() throws {
        let seal = seal(now), all = BeaconRecord(seal: seal, reveals: try (0..<3).map { try reveal($0, seal) })
        let without = BeaconRecord(seal: seal, reveals: try [0, 1].map { try reveal($0, seal) })
        #expect(fault(all) == nil && fault(without) == nil && all.value != without.value)
        #expect(all.missing(world.terms.trust, book()) == [] && without.missing(world.terms.trust, book()) == ["w3"])
    }

    @Test("two of three witnesses decide whether a mote was up")
    func certificates() {
        let mote = Ed25519Key().publicKey
        func verdict(_ index: Int, _ isUp: Bool, _ slice: Slice? = nil) -> Verdict {
            Verdict(witness: world.witnesses[index].name, mote: mote, slice: slice ?? now, isUp: isUp, key: world.witnesses[index].key)
        }
        func certificate(_ verdicts: [Verdict]) -> Bool? { Verdict.certificate(verdicts, on: mote, at: now, world.terms.trust) }
        #expect(certificate([verdict(0, true), verdict(1, true)]) == true && certificate([verdict(0, false), verdict(2, false), verdict(1, true)]) == false)
        #expect(certificate([verdict(0, true)]) == nil && certificate([verdict(0, true), verdict(1, false)]) == nil)
        #expect(certificate([verdict(0, true), verdict(0, true)]) == nil, "one witness twice")
        #expect(certificate([verdict(0, true), verdict(1, true, now + 1)]) == nil)
        #expect(certificate([verdict(0, true), Verdict(witness: "w2", mote: mote, slice: now, isUp: true, key: Ed25519Key())]) == nil)
        let batch = [verdict(0, true), verdict(1, false)]
        #expect(Verdict.decode(Verdict.encode(batch)) == batch)
        #expect(Verdict.decode(Verdict.encode(batch) + [0]) == nil && Verdict.decode([]) == nil && Verdict.decode(Verdict.encode(batch).dropLast()) == nil)
    }

    @Test("no mote knows when it will be probed: instants are spread over the slice and differ from slice to slice")
    func plan() {
        let mote = Ed25519Key().publicKey, secret = SecretBytes.random(32)
        let seconds = (0..<500).map { ProbePlan.second(of: mote, at: now + $0, secret: secret) }
        #expect(seconds.allSatisfy(ProbePlan.seconds.contains) && Set(seconds).count > 300)
        #expect(seconds.count { $0 < 280 } > 100 && seconds.count { $0 > 530 } > 100)
    }
}
