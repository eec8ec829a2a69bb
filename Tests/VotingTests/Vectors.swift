import Directory
import Foundation
import Sealing
import Testing
import Voting

enum Vectors {
    static func bytes(_ name: String) throws -> [UInt8] {
        let url = try #require(Bundle.module.url(forResource: "Vectors/\(name)", withExtension: nil))
        return [UInt8](try Data(contentsOf: url))
    }

    static func text(_ name: String) throws -> String { String(decoding: try bytes(name), as: UTF8.self) }

    static func json<T: Decodable>(_ name: String, as type: T.Type) throws -> T {
        try JSONDecoder().decode(type, from: Data(try bytes(name)))
    }

    /// The votes of four stock authorities on one period.
    static func votes() throws -> [SignedVote] { try (1...4).map { try SignedVote(try bytes("vote-\($0)")) } }
}

struct VectorFile<Vector: Decodable>: Decodable { let vectors: [Vector] }
