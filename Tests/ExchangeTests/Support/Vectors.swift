import Bytes
import Foundation
import Testing

/// Published vectors, as generic JSON: every file has its own shape.
enum Vectors {
    static func load(_ name: String) throws -> [String: Any] {
        let url = try #require(Bundle.module.url(forResource: name, withExtension: "json", subdirectory: "Vectors"))
        return try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: Any])
    }
}

extension [String: Any] {
    func text(_ key: String) throws -> String { try #require(self[key] as? String) }
    /// With or without the prefix of a number.
    func bytes(_ key: String) throws -> [UInt8] {
        let text = try text(key)
        return try #require(Hex.decode(text.hasPrefix("0x") ? String(text.dropFirst(2)) : text))
    }
    func object(_ key: String) throws -> [String: Any] { try #require(self[key] as? [String: Any]) }
    func list(_ key: String) throws -> [[String: Any]] { try #require(self[key] as? [[String: Any]]) }
    /// Several values in one text, or in a list.
    func several(_ key: String) throws -> [[UInt8]] {
        let listed = self[key] as? [String]
        let texts = try listed ?? text(key).split(separator: ",").map(String.init)
        return try texts.map { try #require(Hex.decode($0)) }
    }
}
