import Testing

@testable import Directory

@Suite struct ProtocolVersionsTests {
    private struct File: Decodable {
        struct Row: Decodable {
            let votes: [String]
            let threshold: Int
            let result: String
        }
        let vectors: [Row]
    }

    /// Which of the vectors hold a vote that must not parse is seen from their results.
    @Test("Lists parse and are written as stock writes them")
    func canonical() throws {
        for row in try Vectors.json(File.self, "protover_vote.json").vectors where row.votes.count == 1 && row.threshold == 1 {
            #expect(ProtocolVersions(row.votes[0])?.description == row.result || ProtocolVersions(row.votes[0]) == nil, "\(row.votes)")
        }
        #expect(ProtocolVersions("Link=4-5,3 Cons=1-2 Zero=0 None=")?.description == "Cons=1-2 Link=3-5 None= Zero=0")
    }

    @Test("Support is a matter of name and number")
    func supports() throws {
        let versions = try #require(ProtocolVersions("Link=1-5 Relay=2-4,6 Top=63"))
        #expect(versions.supports("Relay", 4) && !versions.supports("Relay", 5) && versions.supports("Relay", 6) && versions.supports("Top", 63))
        #expect(!versions.supports("Top", 64) && !versions.supports("Cons", 1))
        #expect(versions.contains(try #require(ProtocolVersions("Link=2-3 Relay=6"))))
        #expect(versions.missing(from: try #require(ProtocolVersions("Link=5-6 Cons=1"))).description == "Cons=1 Link=6")
    }

    @Test("Lines that stock refuses whole are refused", arguments: ["Link", "Link=64", "Link=5-4", "Li_nk=4", "=4", "Link=4,", "Link=-1", "Link=4-", "Link=a", "Link=4--5", "Link=99999999999999999999999"])
    func refused(_ line: String) { #expect(ProtocolVersions(line) == nil) }
}
