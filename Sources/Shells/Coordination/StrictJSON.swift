internal import Foundation
internal import Leasing

/// Data that people write. Every field must be there and no other, so that a slip of the pen cannot pass for a default.
enum StrictJSON {
    static func parse<Value: Codable>(_ type: Value.Type, _ bytes: [UInt8]) throws(PolicyFault) -> Value {
        let data = Data(bytes)
        guard let written = try? JSONSerialization.jsonObject(with: data), written is [String: Any] else {
            throw PolicyFault(field: "the file", expected: "one JSON object")
        }
        let value: Value
        do { value = try JSONDecoder().decode(type, from: data) } catch { throw fault(error) }
        guard let encoded = try? JSONEncoder().encode(value), let read = try? JSONSerialization.jsonObject(with: encoded) else {
            throw PolicyFault(field: "the file", expected: "values that can be written again")
        }
        try compare(written, read, "")
        return value
    }

    /// What was written and not read has no meaning.
    private static func compare(_ written: Any, _ read: Any, _ path: String) throws(PolicyFault) {
        switch (written, read) {
        case (let written as [String: Any], let read as [String: Any]):
            if let odd = written.keys.filter({ read[$0] == nil && !(written[$0] is NSNull) }).min() {
                throw PolicyFault(field: path + odd, expected: "no such field; there are \(read.keys.sorted().joined(separator: ", "))")
            }
            for (key, value) in written { if let other = read[key] { try compare(value, other, "\(path)\(key).") } }
        case (let written as [Any], let read as [Any]):
            for (index, pair) in zip(written, read).enumerated() { try compare(pair.0, pair.1, "\(path)\(index).") }
        default: break
        }
    }

    private static func fault(_ error: any Error) -> PolicyFault {
        func name(_ path: [any CodingKey]) -> String { path.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".") }
        switch error {
        case DecodingError.keyNotFound(let key, let context): return PolicyFault(field: name(context.codingPath + [key]), expected: "is missing")
        case DecodingError.typeMismatch(let type, let context): return PolicyFault(field: name(context.codingPath), expected: "expected \(type)")
        case DecodingError.dataCorrupted(let context): return PolicyFault(field: name(context.codingPath), expected: context.debugDescription)
        default: return PolicyFault(field: "the file", expected: "\(error)")
        }
    }
}
