import Bytes
import Directory
import Foundation
import Sealing
import Testing
import Voting

struct VoteTests {
    @Test("Every published sample vote parses and its signature holds", arguments: 1...4)
    func samplesParse(_ number: Int) throws {
        let vote = try SignedVote(try Vectors.bytes("vote-\(number)"))
        #expect(vote.vote.methods == [32, 33, 34, 35])
        #expect(vote.vote.entries.count == 7)
        #expect(vote.vote.entries.allSatisfy { $0.microdescriptors.count == 1 && $0.exitSummary != nil && $0.bandwidth != nil })
        #expect(vote.digest.count == 20)
    }

    @Test("A parsed vote is written back to the bytes stock wrote", arguments: 1...4)
    func roundTrip(_ number: Int) throws {
        let original = try Vectors.bytes("vote-\(number)")
        let vote = try SignedVote(original)
        let signer = try #require(AuthoritySigner(identity: vote.vote.source.identity, signingKey: RSAKey.generate(bits: 1024)))
        let mark = Array("directory-signature ".utf8)
        #expect(signedPart(vote.vote.text(signer: signer), mark) == signedPart(original, mark))
    }

    @Test("A vote with one changed byte is refused")
    func tampered() throws {
        var bytes = try Vectors.bytes("vote-1")
        let at = try #require(bytes.firstIndex(of: UInt8(ascii: "w")))
        bytes[at] ^= 1
        #expect(throws: DocumentError.self) { try SignedVote(bytes) }
    }

    @Test("Cut-off votes are refused and never trap")
    func truncated() throws {
        let bytes = try Vectors.bytes("vote-2")
        for count in stride(from: 0, to: bytes.count, by: 97) {
            #expect(throws: DocumentError.self) { try SignedVote(Array(bytes[..<count])) }
        }
    }
}

func signedPart(_ bytes: [UInt8], _ mark: [UInt8]) -> String {
    let text = String(decoding: bytes, as: UTF8.self)
    guard let range = text.range(of: "\n" + String(decoding: mark, as: UTF8.self)) else { return "" }
    return String(text[..<range.upperBound])
}
