import Exchange
import Sealing
import Testing

@Suite("Witnesses and the log")
struct WitnessProtocolTests {
    private let world: LogWorld
    init() throws { world = try LogWorld() }

    private var author: LogAuthor { LogAuthor(trust: world.terms.trust, key: world.logKey) }
    private func leaf(_ number: Int64) -> LogLeaf { LogLeaf(origin: world.origin, kind: .report, number: number, body: []) }
    private var blank: WitnessedLog { WitnessedLog(origin: world.origin, key: world.logKey.publicKey) }

    /// As a witness answers.
    private func answer(_ request: AddCheckpoint, _ state: inout WitnessedLog, _ index: Int, at seconds: UInt64 = 1_700_000_000) throws -> (Int, String) {
        do {
            state = try state.adding(try AddCheckpoint(request.text))
            var checkpoint = Checkpoint(origin: request.checkpoint.origin, size: request.checkpoint.size, root: request.checkpoint.root)
            checkpoint.cosign(world.witnesses[index].name, world.witnesses[index].key, secondsSinceEpoch: seconds)
            return (200, String(checkpoint.text.dropFirst(checkpoint.body.count + 1)))
        } catch let refusal as WitnessedLog.Refusal { return (refusal.rawValue, refusal == .conflict ? "\(state.size)\n" : "") }
    }

    @Test("a checkpoint is published once two of three witnesses have signed it")
    func publishing() throws {
        var author = author, states = [blank, blank, blank]
        for round in 0..<5 {
            author.append((0..<100).map { leaf(Int64(round * 100 + $0)) })
            #expect(!author.isPublished)
            for index in [1, 2] {
                let request = author.request(to: world.witnesses[index].name), (status, body) = try answer(request, &states[index], index)
                let isAgain = try author.receive(status: status, body, from: world.witnesses[index].name, about: request.checkpoint.size)
                #expect(!isAgain)
                #expect(author.isPublished == (index == 2))
            }
            #expect(world.terms.trust.accepts(try #require(author.published)))
            let document = try #require(author.document(leaf(Int64(round * 100)), at: round * 100, body: []))
            #expect(document.loggedAt(world.terms.trust) == 1_700_000_000)
        }
    }

    @Test("a witness that knows more than was thought says so, and is asked again from there")
    func conflict() throws {
        var first = author, state = blank
        first.append((0..<7).map(leaf))
        _ = try answer(first.request(to: "w1"), &state, 0)
        // The same log after a restart knows nothing of what was signed.
        var again = LogAuthor(trust: world.terms.trust, key: world.logKey, entries: (0..<7).map { leaf(Int64($0)).bytes })
        again.append([leaf(7)])
        let request = again.request(to: "w1"), (status, body) = try answer(request, &state, 0)
        #expect(status == 409 && body == "7\n")
        let isAgain = try again.receive(status: status, body, from: "w1", about: 8)
        #expect(isAgain)
        #expect(try answer(again.request(to: "w1"), &state, 0).0 == 200)
    }

    @Test("a log that lost entries, as an old backup has, is told so and signed by nobody")
    func behind() throws {
        var full = author, state = blank
        full.append((0..<9).map(leaf))
        _ = try answer(full.request(to: "w1"), &state, 0)
        var restored = LogAuthor(trust: world.terms.trust, key: world.logKey, entries: (0..<5).map { leaf(Int64($0)).bytes })
        let (status, body) = try answer(restored.request(to: "w1"), &state, 0)
        #expect(throws: LogAuthor.Failure.behind(witness: "w1", theirs: 9, ours: 5)) { try restored.receive(status: status, body, from: "w1", about: 5) }
        // Nor with other entries in their place.
        restored.append((50..<60).map(leaf))
        _ = try restored.receive(status: 409, "9\n", from: "w1", about: 15)
        #expect(try answer(restored.request(to: "w1"), &state, 0).0 == 422)
        #expect(state.size == 9)
    }

    @Test("a witness refuses another past, another key and another log, each with the status that the protocol has for it")
    func refusals() throws {
        var author = author, state = blank
        author.append((0..<5).map(leaf))
        _ = try answer(author.request(to: "w1"), &state, 0)
        let kept = state
        func refusal(_ request: AddCheckpoint) -> WitnessedLog.Refusal? {
            do { _ = try kept.adding(request); return nil } catch { return error }
        }
        var other = LogAuthor(trust: world.terms.trust, key: world.logKey)
        other.append((10..<15).map(leaf))
        #expect(refusal(AddCheckpoint(oldSize: 5, proof: [], checkpoint: other.draft)) == .conflict, "the same size with another root")
        other.append([leaf(20)])
        #expect(refusal(AddCheckpoint(oldSize: 5, proof: other.log.consistency(from: 5, to: 6)!, checkpoint: other.draft)) == .notConsistent)
        author.append([leaf(5)])
        #expect(refusal(AddCheckpoint(oldSize: 0, proof: [], checkpoint: author.draft)) == .conflict)
        #expect(refusal(AddCheckpoint(oldSize: 7, proof: [], checkpoint: author.draft)) == .malformed)
        #expect(refusal(AddCheckpoint(oldSize: 5, proof: [], checkpoint: author.draft)) == .notConsistent)
        let thief = LogAuthor(trust: world.terms.trust, key: Ed25519Key())
        #expect(refusal(AddCheckpoint(oldSize: 0, proof: [], checkpoint: thief.draft)) == .notSigned)
        let foreign = LogAuthor(trust: LogTrust(origin: "other", key: world.logKey.publicKey, witnesses: [:]), key: world.logKey)
        #expect(refusal(AddCheckpoint(oldSize: 0, proof: [], checkpoint: foreign.draft)) == .unknownLog)
    }

    @Test("a request is read as it was written, and nothing else is one")
    func requests() throws {
        var author = author
        author.append((0..<70).map(leaf))
        let request = AddCheckpoint(oldSize: 33, proof: author.log.consistency(from: 33, to: 70)!, checkpoint: author.draft)
        #expect(try AddCheckpoint(request.text) == request)
        let hash = "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n", rest = request.text.dropFirst("old 33\n".count)
        for wrong in ["", "\n\n", "old 033\n\(rest)", "old -1\n\(rest)", "33\n\(rest)", "old 33\nAAAA\n\(rest)", "old 33\n" + String(repeating: hash, count: 64) + "\n" + author.draft.text] {
            #expect(throws: AddCheckpoint.Failure.self) { try AddCheckpoint(wrong) }
        }
    }

    @Test("one lying witness cannot make anything older than an honest one's word")
    func time() {
        var checkpoint = world.checkpoint([], at: world.now)
        for (witness, time) in zip(world.witnesses, [5, 1_700_000_100, 1_700_000_200] as [UInt64]) { checkpoint.cosign(witness.name, witness.key, secondsSinceEpoch: time) }
        #expect(world.terms.trust.acceptance(checkpoint) == 1_700_000_100)
    }

    @Test("a wallet sees the log grow, and knows a second past when it is shown one")
    func views() throws {
        var view = LogView(world.terms.trust)
        for number in 0..<6 { world.entries.append(leaf(Int64(number)).bytes) }
        let log = TransparencyLog(world.entries.map { MerkleTree.leaf($0) }), six = world.checkpoint(at: world.now)
        world.entries.removeLast(2)
        let four = world.checkpoint(at: world.now)
        try view.take(four, proof: [])
        #expect(throws: LogView.Refusal.notShown) { try view.take(six, proof: []) }
        try view.take(six, proof: log.consistency(from: 4, to: 6)!)
        try view.take(four, proof: log.consistency(from: 4, to: 6)!)
        #expect(view.latest == six)
        world.entries += [leaf(90).bytes, leaf(91).bytes]
        let other = world.checkpoint(at: world.now)
        #expect(throws: LogView.Refusal.splitView(six, other)) { try view.take(other, proof: []) }
        #expect(throws: LogView.Refusal.notBelieved) { try view.take(world.checkpoint(["w1"], at: world.now), proof: []) }
    }
}
