internal import Ambience
internal import Foundation
package import Leasing

/// A fleet policy in a JSON file. Every field must be there and no other, so that a slip of the pen cannot pass for a default.
package enum PolicyFile {
    package static func load(_ path: String) throws(CoordinationError) -> FleetPolicy {
        let bytes: [UInt8]
        do throws(FileError) { bytes = try Files.read(path) } catch { throw CoordinationError(.notFound, "\(error)") }
        do throws(PolicyFault) { return try parse(bytes) } catch { throw CoordinationError(.badData, "\(path): \(error)") }
    }

    package static func parse(_ bytes: [UInt8]) throws(PolicyFault) -> FleetPolicy {
        let data = Data(bytes)
        guard let object = try? JSONSerialization.jsonObject(with: data), let fields = object as? [String: Any] else {
            throw PolicyFault(field: "the file", expected: "one JSON object")
        }
        try checkNames(fields, known: names, prefix: "")
        for part in ["normal", "longLived"] {
            if let inner = fields[part] as? [String: Any] { try checkNames(inner, known: ["motes", "lifetimeSeconds"], prefix: part + ".") }
        }
        do { return try JSONDecoder().decode(FleetPolicy.self, from: data) } catch { throw fault(error) }
    }

    private static let names: Set<String> = [
        "name", "why", "normal", "longLived", "jitterShare", "drainShare", "drainLimitSeconds", "disruptionShare", "startsPerMinute", "motesLimit",
        "startLimitSeconds", "votesToList", "attemptsLimit",
    ]

    private static func checkNames(_ fields: [String: Any], known: Set<String>, prefix: String) throws(PolicyFault) {
        guard let odd = fields.keys.filter({ !known.contains($0) }).min() else { return }
        throw PolicyFault(field: prefix + odd, expected: "no such field; there are \(known.sorted().joined(separator: ", "))")
    }

    private static func fault(_ error: any Error) -> PolicyFault {
        func name(_ path: [any CodingKey]) -> String { path.map(\.stringValue).joined(separator: ".") }
        switch error {
        case DecodingError.keyNotFound(let key, let context): return PolicyFault(field: name(context.codingPath + [key]), expected: "is missing")
        case DecodingError.typeMismatch(let type, let context): return PolicyFault(field: name(context.codingPath), expected: "expected \(type)")
        case DecodingError.dataCorrupted(let context): return PolicyFault(field: name(context.codingPath), expected: context.debugDescription)
        default: return PolicyFault(field: "the file", expected: "\(error)")
        }
    }
}
