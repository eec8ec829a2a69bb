import Exchange
import Sealing
import Testing

@Suite("A witness")
struct WitnessDeskTests {
    private let world: LogWorld
    private let slice: Slice
    private let secret = ChainSecret(seed: .random(32), length: 40)!
    init() throws {
        world = try LogWorld()
        slice = world.now
    }

    private func desk(_ state: WitnessDesk.State = .init()) -> WitnessDesk { WitnessDesk(world.terms, key: world.witnesses[0].key, chains: [(slice - 5, secret)], state: state)! }

    /// After the slice's orders were closed.
    private func late(_ slice: Slice) -> Int64 { world.terms.time.moment(600, of: slice) }

    private func seal(_ slice: Slice, _ id: UInt8 = 1, by names: Set<String> = ["w2", "w3"]) throws -> [UInt8] {
        try world.publish(.orders, slice.index, OrdersSeal(slice: slice, ids: [Digest.sha256([id])]).bytes, at: slice, by: names).bytes
    }

    @Test("gives out a value once a slice's orders are logged and closed, the same one however often it is asked")
    func reveals() throws {
        var desk = desk()
        let body = try seal(slice), document = try LoggedDocument(body)
        #expect(desk.reveal(body, at: late(slice) - 1).status == 425)
        let first = desk.reveal(body, at: late(slice)), again = desk.reveal(body, at: late(slice + 9))
        #expect(first.status == 200 && first.isNews && again.body == first.body && !again.isNews)
        var chains = ChainBook(world.terms.trust)
        let added = chains.add(desk.chain, loggedAt: slice - 5)
        let reveal = try #require(Reveal(first.body)), isGenuine = chains.isGenuine(reveal.value, of: "w1", at: slice)
        let sealed = try OrdersSeal(document.body)
        #expect(added && isGenuine && reveal.isSigned(by: world.witnesses[0].key.publicKey, of: sealed))
        let record = try BeaconRecord(desk.revealed(slice).body)
        #expect(record.reveals == [reveal] && record.seal.slice == slice && desk.revealed(slice + 1).status == 404)
    }

    @Test("gives out none for other orders of the slice, for an earlier slice, for what is not in the log, or beyond its chain")
    func refusals() throws {
        var desk = desk()
        #expect(desk.reveal(try seal(slice), at: late(slice)).status == 200)
        #expect(desk.reveal(try seal(slice, 2), at: late(slice)).status == 409)
        #expect(desk.reveal(try seal(slice - 1), at: late(slice)).status == 409)
        #expect(desk.reveal(try seal(slice + 1, by: ["w2"]), at: late(slice + 1)).status == 403)
        #expect(desk.reveal(try seal(slice + 35), at: late(slice + 35)).status == 404)
        #expect(desk.reveal([1, 2], at: late(slice)).status == 400)
        #expect(desk.reveal(try world.publish(.report, slice.index, [], at: slice).bytes, at: late(slice)).status == 400)
    }

    @Test("killed and started again, it goes on from what it wrote down: never another past, never other orders")
    func restarts() throws {
        var desk = desk()
        world.entries = [[1], [2], [3]]
        let first = AddCheckpoint(oldSize: 0, proof: [], checkpoint: world.checkpoint([], at: slice))
        let answer = desk.addCheckpoint(Array(first.text.utf8), at: late(slice))
        #expect(answer.status == 200 && answer.isNews)
        var checkpoint = first.checkpoint
        checkpoint.add(signatures: String(decoding: answer.body, as: UTF8.self))
        #expect(checkpoint.cosigners(world.terms.trust.witnesses) == ["w1": late(slice)])
        #expect(desk.reveal(try seal(slice), at: late(slice)).status == 200)
        var again = self.desk(try #require(WitnessDesk.State(desk.state.bytes)))
        world.entries = [[1], [9], [3], [4]]
        let log = TransparencyLog(world.entries.map { MerkleTree.leaf($0) })
        let other = AddCheckpoint(oldSize: 3, proof: log.consistency(from: 3, to: 4)!, checkpoint: world.checkpoint([], at: slice))
        #expect(again.addCheckpoint(Array(other.text.utf8), at: late(slice)).status == 422)
        let fresh = again.addCheckpoint(Array(AddCheckpoint(oldSize: 0, proof: [], checkpoint: world.checkpoint([], at: slice)).text.utf8), at: late(slice))
        #expect(fresh.status == 409 && fresh.isSize && fresh.body == Array("3\n".utf8))
        #expect(again.reveal(try seal(slice, 2), at: late(slice)).status == 409)
        #expect(again.addCheckpoint([0xFF], at: late(slice)).status == 400)
    }

    @Test("is only one of the three that the terms name")
    func names() {
        #expect(WitnessDesk(world.terms, key: Ed25519Key(), chains: [(slice, secret)], state: .init()) == nil)
        for wrong in ["", "dust-witness 1\n", "dust-witness 1\nlog 1 ab\nrevealed 00\n", "dust-witness 1\nlog -1 -\n", "dust-witness 2\nlog 0 -\n"] { #expect(WitnessDesk.State(Array(wrong.utf8)) == nil) }
        #expect(WitnessDesk.State(WitnessDesk.State().bytes) == .init())
    }
}
