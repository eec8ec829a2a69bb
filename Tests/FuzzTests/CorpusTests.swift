import Ambience
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
            target.run(Self.damage(input, inputs, &random))
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

    private static func damage(_ original: [UInt8], _ others: [[UInt8]], _ random: inout SeededRandom) -> [UInt8] {
        var bytes = original
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let place = bytes.isEmpty ? 0 : Int.random(in: bytes.indices, using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0 where !bytes.isEmpty: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1 where !bytes.isEmpty: bytes[place] = [0, 1, 0x0A, 0x20, 0x30, 127, 128, 255].randomElement(using: &random) ?? 0
            case 2: bytes.insert(.random(in: 0...255, using: &random), at: place)
            case 3 where !bytes.isEmpty: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...64, using: &random)))
            case 4: bytes.insert(contentsOf: (others.randomElement(using: &random) ?? []).prefix(40), at: place)
            default: bytes += bytes.suffix(from: place).prefix(64)
            }
        }
        return bytes
    }
}
