import Ambience
import Bytes
import Foundation
import Sealing
import Testing

/// The files of `Vectors/`.
enum Vectors {
    private static let folder = Bundle.module.bundleURL.appendingPathComponent("Vectors")

    static func bytes(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: folder.appendingPathComponent(path))) }

    static func list(_ name: String, _ key: String) throws -> [[String: Any]] {
        let json = try JSONSerialization.jsonObject(with: Data(try bytes("\(name).json"))) as? [String: Any]
        return try #require(json?[key] as? [[String: Any]])
    }

    /// Bodies of captured and made messages of one command.
    static func bodies(of command: String) throws -> [(body: [UInt8], isValid: Bool)] {
        try (list("service_messages", "relay") + list("service_messages", "captured")).filter { $0["command"] as? String == command }.map {
            (try $0.bytes("body"), $0["valid"] as? Bool ?? true)
        }
    }

    /// A time at which the stored descriptors' certificates hold.
    static let descriptorTime = WallTime("2023-02-01 00:00:00")!
}

extension [String: Any] {
    func bytes(_ key: String) throws -> [UInt8] { try #require(Hex.decode(try text(key))) }
    func text(_ key: String) throws -> String { try #require(self[key] as? String) }
}

/// Small random damage: what fuzzers do first.
enum Mutation {
    static func damage(_ bytes: [UInt8], _ random: inout SeededRandom) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let place = bytes.isEmpty ? 0 : Int.random(in: bytes.indices, using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0 where !bytes.isEmpty: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1 where !bytes.isEmpty: bytes[place] = [0, 1, 127, 128, 255].randomElement(using: &random) ?? 0
            case 2: bytes.insert(.random(in: 0...255, using: &random), at: place)
            case 3 where !bytes.isEmpty: bytes.removeLast(Int.random(in: 1...bytes.count, using: &random))
            default: bytes += bytes.suffix(from: place).prefix(32)
            }
        }
        return bytes
    }
}
