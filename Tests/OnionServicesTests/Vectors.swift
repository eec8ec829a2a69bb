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
