import Directory
import Foundation

/// The files of `Vectors/`.
enum Vectors {
    private static let folder = Bundle.module.bundleURL.appendingPathComponent("Vectors")

    static func bytes(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: folder.appendingPathComponent(path))) }

    static func names(in path: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.appendingPathComponent(path).path).sorted()
    }

    static func json<T: Decodable>(_ type: T.Type, _ path: String) throws -> T {
        try JSONDecoder().decode(type, from: Data(contentsOf: folder.appendingPathComponent(path)))
    }

    /// The named texts of a file like `router_descriptors.json`.
    static func documents(_ path: String) throws -> [String: String] {
        struct File: Decodable { let documents: [String: String] }
        return try json(File.self, path).documents
    }
}

extension String {
    var bytes: [UInt8] { Array(utf8) }
}
