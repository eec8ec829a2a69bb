import Ambience
import Bytes
import Directory
import Foundation
import Sealing
import Testing
import Voting

@Suite("Shared randomness")
struct SharedRandomTests {
    private static let interval: Int64 = 10
    private static let start = WallTime(secondsSinceEpoch: 240 * 1_000_000)
    private static let identities = (1...3).map { RSAIdentity([UInt8](repeating: UInt8($0), count: 20))! }

    private struct Published: Decodable {
        struct Commit: Decodable { let timestamp: Int64, rand_input: String, reveal: String, commit: String }
        struct Reveal: Decodable { let id_hex_ascii: String, reveal_b64: String }
        struct Result: Decodable { let reveals: [Reveal], reveal_num: Int, previous_srv: String, srv: String }
        let commit: [Commit]
        let srv: [Result]
    }

    private static func published() throws -> Published { try JSONDecoder().decode(Published.self, from: Data(Vectors.bytes("shared_random.json"))) }

    /// Authorities that hear each other's votes; each begins with the same view of the clock.
    private struct Network {
        var runs: [SharedRandomRun]
        var round: Int64

        init(round: Int64, count: Int = 3) {
            runs = identities.prefix(count).map { SharedRandomRun(own: $0, authorities: identities.prefix(count)) }
            self.round = round
            begin()
        }

        mutating func begin() {
            for index in runs.indices {
                runs[index].begin(validAfter: start + round * interval, intervalSeconds: interval) { [UInt8](repeating: UInt8(index) &+ 65, count: 32) }
            }
        }

        /// One voting round; `deaf` hears nobody.
        mutating func vote(deaf: Int? = nil) {
            let opinions = runs.map(\.opinion)
            for index in runs.indices where index != deaf {
                for (voter, opinion) in zip(identities, opinions) { runs[index].receive(opinion, of: voter) }
            }
            round += 1
            begin()
        }
    }

    @Test("commitment and reveal are those of the published reference")
    func commitment() throws {
        for vector in try Self.published().commit {
            let time = WallTime(secondsSinceEpoch: vector.timestamp)
            #expect(SharedRandomRun.reveal(try #require(Hex.decode(vector.rand_input)), at: time) == vector.reveal)
            #expect(SharedRandomRun.commit(to: vector.reveal, at: time) == vector.commit)
        }
    }

    @Test("the value of given reveals is that of the published reference, in whatever order they come")
    func value() throws {
        for vector in try Self.published().srv {
            let reveals = try vector.reveals.map { (try #require(RSAIdentity(hex: $0.id_hex_ascii)), $0.reveal_b64) }
            let previous = SharedRandomRun.Value(reveals: 0, bytes: try #require(Hex.decode(vector.previous_srv)))
            for order in [reveals, reveals.reversed()] {
                let value = SharedRandomRun.value(of: order, previous: previous)
                #expect(value.reveals == UInt64(vector.reveal_num))
                #expect(Hex.lower(value.bytes) == vector.srv)
            }
        }
    }

    @Test("the first twelve rounds of a run commit, the others reveal")
    func phases() {
        for round in Int64(0)..<48 {
            #expect(SharedRandomRun.phase(validAfter: Self.start + round * 10, intervalSeconds: 10) == (round % 24 < 12 ? .commit : .reveal), "round \(round)")
        }
    }

    @Test("after a whole run all authorities have the same value, of all their reveals, and the one before becomes the previous one")
    func wholeRun() throws {
        var network = Network(round: 0)
        for _ in 0..<12 { network.vote() }
        #expect(network.runs.allSatisfy { $0.phase == .reveal && $0.current == nil && !$0.isFresh })
        for _ in 0..<12 { network.vote() }
        let value = try #require(network.runs[0].current)
        #expect(network.runs.allSatisfy { $0.phase == .commit && $0.current == value && $0.isFresh })
        #expect(value.reveals == 3)
        for _ in 0..<24 { network.vote() }
        #expect(network.runs.allSatisfy { $0.previous == value && $0.current != value })
    }

    @Test("in the commit phase no reveal is told; in the reveal phase everybody's is, once heard")
    func secrecy() {
        var network = Network(round: 0)
        network.vote()
        #expect(network.runs[0].opinion.commits.count == 3)
        #expect(network.runs[0].opinion.commits.allSatisfy { $0.split(separator: " ").count == 4 })
        while network.runs[0].phase == .commit { network.vote() }
        #expect(network.runs[0].opinion.commits.map { $0.split(separator: " ").count } == [5, 4, 4])
        network.vote()
        #expect(network.runs[0].opinion.commits.allSatisfy { $0.split(separator: " ").count == 5 })
    }

    @Test("an authority that comes in the reveal phase is not counted, and makes the same value without its own reveal")
    func lateComer() throws {
        var network = Network(round: 0)
        for _ in 0..<14 { network.vote() }
        network.runs[2] = SharedRandomRun(own: Self.identities[2], authorities: Self.identities)
        network.begin()
        #expect(network.runs[2].opinion.commits.isEmpty)
        for _ in 0..<10 { network.vote() }
        #expect(network.runs[0].current == network.runs[1].current)
        #expect(network.runs[0].current?.reveals == 3, "it had revealed before")
        #expect(network.runs[2].current != network.runs[0].current, "it cannot know: the consensus will tell it")
    }

    @Test("an authority that comes back with its state reveals what it had committed to")
    func resumed() throws {
        var network = Network(round: 0)
        for _ in 0..<5 { network.vote() }
        let text = network.runs[1].stateText
        var back = SharedRandomRun(own: Self.identities[1], authorities: Self.identities)
        back.resume(text, now: Self.start + 70, intervalSeconds: 10)
        network.runs[1] = back
        for _ in 5..<24 { network.vote() }
        #expect(network.runs.allSatisfy { $0.current == network.runs[0].current && $0.current?.reveals == 3 })
        var late = SharedRandomRun(own: Self.identities[1], authorities: Self.identities)
        late.resume(text, now: Self.start + 300, intervalSeconds: 10)
        #expect(late == SharedRandomRun(own: Self.identities[1], authorities: Self.identities), "a state of an earlier run is of no use")
    }

    @Test("nobody speaks for another, changes a commitment, reveals something else or counts without being an authority")
    func lies() throws {
        var network = Network(round: 0)
        let honest = network.runs[1].opinion
        network.runs[0].receive(honest, of: Self.identities[2])
        #expect(network.runs[0].opinion.commits.count == 1)
        var run = network.runs[0]
        run.receive(honest, of: Self.identities[1])
        let stranger = RSAIdentity([UInt8](repeating: 9, count: 20))!
        var other = SharedRandomOpinion()
        other.commits = [honest.commits[0].replacingOccurrences(of: "\(Self.identities[1])", with: "\(stranger)")]
        run.receive(other, of: stranger)
        #expect(run.opinion.commits.count == 2)
        other.commits = ["1 sha3-256 \(Self.identities[1]) \(Base64.encode([UInt8](repeating: 1, count: 40)))"]
        run.receive(other, of: Self.identities[1])
        #expect(run.opinion.commits.contains(honest.commits[0]))
        run.begin(validAfter: Self.start + 120, intervalSeconds: 10) { [] }
        other.commits = [honest.commits[0] + " " + Base64.encode([UInt8](repeating: 1, count: 40))]
        run.receive(other, of: Self.identities[1])
        #expect(run.opinion.commits.filter { $0.split(separator: " ").count == 5 }.count == 1, "only our own")
        for line in ["", "1", "2 sha3-256 x y", "1 sha256 \(Self.identities[1]) AAAA", "1 sha3-256 zz \(Base64.encode([UInt8](repeating: 1, count: 40)))"] {
            other.commits = [line]
            run.receive(other, of: Self.identities[1])
        }
    }

    @Test("what the votes of a stock network say is read")
    func stockVotes() throws {
        for vote in try Vectors.votes() {
            var run = SharedRandomRun(own: Self.identities[0], authorities: try Vectors.votes().map(\.certificate.identity))
            run.begin(validAfter: Self.start, intervalSeconds: 10) { [UInt8](repeating: 1, count: 32) }
            run.receive(vote.vote.sharedRandom, of: vote.certificate.identity)
            let own = vote.vote.sharedRandom.commits.filter { $0.contains("\(vote.certificate.identity)") && $0.split(separator: " ").count == 4 }
            #expect(own.isEmpty || run.opinion.commits.count == 2)
        }
    }
}
