import Directory
import Testing
import Voting

struct ProtocolVoteTests {
    struct Vector: Decodable {
        let votes: [String]
        let threshold: Int
        let result: String
    }

    @Test("Protocol lists combine as stock's published cases say")
    func published() throws {
        for vector in try Vectors.json("protover_vote.json", as: VectorFile<Vector>.self).vectors {
            #expect(ProtocolVote.combine(vector.votes, threshold: vector.threshold) == vector.result)
        }
    }

    @Test("Nothing is recommended or required that stock 0.4.9.11 lacks, since it would exit")
    func stockHasAll() throws {
        let stock = try #require(ProtocolVersions(ProtocolRecommendations.supportedByStock))
        let voted = ProtocolRecommendations.current
        for list in [voted.recommendedClient, voted.recommendedRelay, voted.requiredClient, voted.requiredRelay] {
            #expect(stock.contains(try #require(ProtocolVersions(list))))
        }
    }
}
