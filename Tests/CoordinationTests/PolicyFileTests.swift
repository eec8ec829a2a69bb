import Coordination
import Foundation
import Leasing
import Testing

@Suite struct PolicyFileTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Policies")

    @Test("The default policy's file says what the program does without one")
    func standard() throws {
        #expect(try PolicyFile.load(Self.folder.appendingPathComponent("default.json").path) == .standard)
    }

    @Test("A policy that cannot work is refused by the name of its field", arguments: [
        ("\"why\": \"\"", "why"), ("\"jitterShare\": 0", "jitterShare"), ("\"motesLimit\": 9", "motesLimit"), ("\"startsPerMinute\": 0", "startsPerMinute"),
        ("\"normal\": { \"motes\": 5, \"lifetimeSeconds\": 60 }", "normal.lifetimeSeconds"),
        ("\"normal\": { \"motes\": 0, \"lifetimeSeconds\": 2700 }", "normal.motes"), ("\"attemptsLimit\": 1000000000000", "attemptsLimit"),
    ] as [(String, String)])
    func unsound(line: String, field: String) throws {
        #expect { try Timing(policy: try PolicyFile.parse(Self.replacing(line)), votingIntervalSeconds: 10).validate() } throws: {
            ($0 as? PolicyFault)?.field == field
        }
    }

    @Test("A file that is no policy is refused by the name of the field", arguments: [
        ("\"motes\": 5", "motes"), ("\"jitterShare\": \"much\"", "jitterShare"), ("\"normal\": { \"motes\": 5 }", "normal.lifetimeSeconds"),
        ("\"normal\": { \"motes\": 5, \"lifetimeSeconds\": 2700, \"live\": 1 }", "normal.live"),
    ] as [(String, String)])
    func malformed(line: String, field: String) {
        #expect { try PolicyFile.parse(Self.replacing(line)) } throws: { ($0 as? PolicyFault)?.field == field }
    }

    @Test("Text that is no JSON object is refused", arguments: ["", "[]", "{", "null", "\u{0}"])
    func noise(text: String) {
        #expect(throws: PolicyFault.self) { try PolicyFile.parse(Array(text.utf8)) }
    }

    /// The default policy with a line put in place of the one for the same field.
    private static func replacing(_ line: String) throws -> [UInt8] {
        let text = try String(contentsOf: folder.appendingPathComponent("default.json"), encoding: .utf8)
        let name = line.prefix { $0 != ":" }
        let lines = text.split(separator: "\n").filter { !$0.trimmingCharacters(in: .whitespaces).hasPrefix(name) }
        return Array(lines.joined(separator: "\n").replacingOccurrences(of: "{\n    \"", with: "{\n    \(line),\n    \"").utf8)
    }
}
