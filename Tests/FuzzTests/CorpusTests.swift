import Ambience
import Damage
import Foundation
import FuzzTargets
import Testing

/// Every parser of foreign bytes meets its corpus, what once crashed one, and seeded damage to both.
@Suite("Parsers of foreign bytes")
struct CorpusTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Fuzz")
    private static let rounds = 500 * max(1, Int(ProcessInfo.processInfo.environment["DUSTCLOUD_SEEDS"] ?? "") ?? 1)
    /// Damage to long documents takes as long as damage to many short ones.
    private static let bytesPerTarget = 1 << 20

    private static func inputs(_ kind: String, _ target: String) -> [[UInt8]] {
        let folder = folder.appendingPathComponent(kind).appendingPathComponent(target)
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.sorted().compactMap { try? Array(Data(contentsOf: folder.appendingPathComponent($0))) }
    }

    @Test("take or refuse their corpus, old crashes and seeded damage", arguments: FuzzTarget.all.map(\.name))
    func corpus(name: String) throws {
        let target = try #require(FuzzTarget.named(name))
        let inputs = Self.inputs("Corpus", name) + Self.inputs("Regressions", name)
        #expect(!inputs.isEmpty)
        for input in inputs { target.run(input) }
        var random = SeededRandom(seed: name.utf8.reduce(7) { $0 &* 31 &+ UInt64($1) })
        var left = Self.bytesPerTarget
        for _ in 0..<Self.rounds where left > 0 {
            guard let input = inputs.randomElement(using: &random) else { return }
            left -= input.count
            target.run(Damage.some(input, others: inputs, &random))
        }
    }

    @Test("every folder of the corpus belongs to a parser")
    func folders() throws {
        let names = Set(FuzzTarget.all.map(\.name))
        for kind in ["Corpus", "Regressions"] {
            let found = (try? FileManager.default.contentsOfDirectory(atPath: Self.folder.appendingPathComponent(kind).path)) ?? []
            #expect(Set(found).subtracting(names).subtracting(["SOURCES.md"]).isEmpty)
        }
    }
}
