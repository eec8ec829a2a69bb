import Ambience
import Directory
import Foundation
import Sealing
import Testing
import Voting

struct ConsensusTests {
    /// The sample votes are for the period after the sample consensus: times and vote digests differ, the rest must not.
    @Test("Four stock votes make the consensus that the four stock authorities made", arguments: [("ns", ConsensusFlavour.ns), ("microdesc", .microdesc)])
    func sample(_ name: String, _ flavour: ConsensusFlavour) throws {
        let computed = try #require(ConsensusComputation(try Vectors.votes(), authorityCount: 4, flavour: flavour))
        let expected = try Vectors.text("consensus-transparency-\(name)")
        #expect(timeless(computed.signedText) == timeless(Array(expected.utf8) + Array("directory-signature ".utf8)))
        #expect(computed.entryCount == 7)
    }

    @Test("The order of votes does not matter", arguments: ConsensusFlavour.allCases)
    func anyOrder(_ flavour: ConsensusFlavour) throws {
        let votes = try Vectors.votes()
        let reference = try #require(ConsensusComputation(votes, authorityCount: 4, flavour: flavour)).signedText
        var random = SeededRandom(seed: 4)
        for _ in 0..<8 {
            #expect(ConsensusComputation(votes.shuffled(using: &random), authorityCount: 4, flavour: flavour)?.signedText == reference, "seed 4")
        }
    }

    @Test("An authority alone lists all that it votes for")
    func alone() throws {
        let computed = try #require(ConsensusComputation([try Vectors.votes()[0]], authorityCount: 1, flavour: .microdesc))
        #expect(computed.entryCount == 7)
        #expect(computed.method == 35)
    }

    @Test("Two of four votes list no relay, for that is no majority")
    func noMajority() throws {
        #expect(ConsensusComputation(Array(try Vectors.votes()[..<2]), authorityCount: 4, flavour: .ns)?.entryCount == 0)
        #expect(ConsensusComputation([], authorityCount: 4, flavour: .ns) == nil)
    }

    private func timeless(_ bytes: [UInt8]) -> [String] {
        String(decoding: bytes, as: UTF8.self).components(separatedBy: "\n").map { line in
            ["valid-after", "fresh-until", "valid-until", "vote-digest"].contains { line.hasPrefix($0 + " ") } ? String(line.prefix { $0 != " " }) : line
        }
    }
}
