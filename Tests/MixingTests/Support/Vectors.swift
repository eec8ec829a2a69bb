import Bytes
import Foundation
import Testing

/// Published vectors, as generic JSON: every file has its own shape.
enum Vectors {
    static func load(_ name: String) throws -> [String: Any] {
        let url = try #require(Bundle.module.url(forResource: name, withExtension: "json", subdirectory: "Vectors"))
        return try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: Any])
    }

    static func list(_ name: String, _ key: String) throws -> [[String: Any]] {
        try #require(try load(name)[key] as? [[String: Any]])
    }
}

extension [String: Any] {
    func text(_ key: String) throws -> String { try #require(self[key] as? String) }
    func bytes(_ key: String) throws -> [UInt8] { try #require(Hex.decode(try text(key))) }
    func object(_ key: String) throws -> [String: Any] { try #require(self[key] as? [String: Any]) }
    func list(_ key: String) throws -> [[String: Any]] { try #require(self[key] as? [[String: Any]]) }
}

extension [String: Any] {
    func number(_ key: String) throws -> Int { try #require(self[key] as? Int) }
    func manyBytes(_ key: String) throws -> [[UInt8]] { try #require(self[key] as? [String]).map { try #require(Hex.decode($0)) } }
}
