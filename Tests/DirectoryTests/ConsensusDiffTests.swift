import Ambience
import Bytes
@testable import Directory
import Sealing
import Testing

@Suite("Consensus diffs")
struct ConsensusDiffTests {
    private let old: [UInt8]
    private let new: [UInt8]

    init() throws {
        old = try Vectors.bytes("consdiff/consensus1.txt")
        new = try Vectors.bytes("consdiff/consensus2.txt")
    }

    private func failure(_ diff: [UInt8], _ base: [UInt8]) -> ConsensusDiff.Failure? {
        do throws(ConsensusDiff.Failure) {
            _ = try ConsensusDiff.apply(diff, to: base)
            return nil
        } catch { return error }
    }

    /// A diff from `old` with these commands, and the hash of what they make.
    private func diff(_ commands: String, result: [UInt8]) throws -> [UInt8] {
        let base = try #require(LineIndex(old, limit: 1000))
        let from = try #require(ConsensusDiff.signedDigest(base))
        return Array("network-status-diff-version 1\nhash \(Hex.upper(from)) \(Hex.upper(Digest.sha3_256(result)))\n\(commands)".utf8)
    }

    @Test("a diff that stock made gives the consensus that stock had")
    func stock() throws {
        let diff = try Vectors.bytes("consdiff/diff1.txt")
        #expect(ConsensusDiff.isDiff(diff))
        #expect(!ConsensusDiff.isDiff(new))
        #expect(try ConsensusDiff.apply(diff, to: old) == new)
    }

    @Test("our diff gives the same consensus and is no longer than stock's")
    func ours() throws {
        let diff = try #require(ConsensusDiff.make(from: old, to: new))
        #expect(try ConsensusDiff.apply(diff, to: old) == new)
        #expect(try diff.count <= Vectors.bytes("consdiff/diff1.txt").count)
        #expect(String(decoding: diff.prefix(30), as: UTF8.self) == "network-status-diff-version 1\n")
    }

    @Test("it serves a holder whose base has other signatures")
    func otherSignatures() throws {
        let diff = try #require(ConsensusDiff.make(from: old, to: new))
        let text = try #require(LineIndex(old, limit: 1000))
        let first = try #require(ConsensusDiff.firstSignature(text))
        let more = old + text[first..<text.count]
        #expect(try ConsensusDiff.apply(diff, to: more) == new)
    }

    @Test("another base, another result and half a diff are refused")
    func refusals() throws {
        let diff = try Vectors.bytes("consdiff/diff1.txt")
        #expect(failure(diff, new) == .otherBase)
        #expect(failure(diff, []) == .otherBase)
        #expect(failure(Array(String(decoding: diff, as: UTF8.self).replacing("Bandwidth=3", with: "Bandwidth=4").utf8), old) == .otherResult)
        #expect(failure(Array(diff.prefix(diff.count - 40)), old) == .malformed)
        #expect(failure(Array("network-status-diff-version 1\n".utf8), old) == .malformed)
        #expect(failure([], old) == .malformed)
    }

    @Test("commands that do not go from the end to the start, or are not in the limited form, are refused", arguments: [
        "1d\n2d\n", "2d\n2d\n", "3,2d\n", "2,2d\n", "0d\n", "9999d\n", "d\n", "2\n", "2x\n", "2,$c\nx\n.\n", "2,3a\nx\n.\n", "2a\n.\n", "2a\nx\n", "-1d\n",
        "2,3,4d\n", " 2d\n", "2d \n", "99999999999999999999d\n", "\n", "2dd\n",
    ])
    func commands(text: String) throws { #expect(failure(try diff(text, result: old), old) == .malformed) }

    @Test("lines are added, changed and deleted where the numbers say")
    func editing() throws {
        let lines = String(decoding: old, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let expected = ["zero"] + [lines[0], "two", "three"] + lines[3...5] + lines[6...7] + ["last"] + [""]
        let result = Array(expected.joined(separator: "\n").utf8)
        #expect(try ConsensusDiff.apply(diff("9,$d\n8a\nlast\n.\n2,3c\ntwo\nthree\n.\n0a\nzero\n.\n", result: result), to: old) == result)
    }

    @Test("any two consensuses of the same relays, some gone, some new, some changed, make a diff that gives the newer one", arguments: [1, 2, 3] as [UInt64])
    func random(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for _ in 0..<40 {
            let first = SyntheticConsensus(relays: Int.random(in: 0...60, using: &random), using: &random)
            var second = first
            second.change(fraction: Double.random(in: 0...1, using: &random), using: &random)
            let (old, new) = (first.text, second.text)
            let diff = try #require(ConsensusDiff.make(from: old, to: new), "seed \(seed)")
            #expect(try ConsensusDiff.apply(diff, to: old) == new, "seed \(seed)")
        }
    }

    @Test("entries that are not sorted still make a right diff")
    func unsorted() throws {
        var random = SeededRandom(seed: 4)
        var consensus = SyntheticConsensus(relays: 30, using: &random)
        let old = consensus.text
        consensus.entries.shuffle(using: &random)
        let diff = try #require(ConsensusDiff.make(from: old, to: consensus.text))
        #expect(try ConsensusDiff.apply(diff, to: old) == consensus.text)
    }

    @Test("a line that is a single dot, or a base without signatures, makes no diff")
    func impossible() {
        var random = SeededRandom(seed: 5)
        let consensus = SyntheticConsensus(relays: 3, using: &random)
        var dotted = consensus
        dotted.entries[1].append(".")
        #expect(ConsensusDiff.make(from: consensus.text, to: dotted.text) == nil)
        #expect(ConsensusDiff.make(from: Array("network-status-version 3\n".utf8), to: consensus.text) == nil)
        #expect(ConsensusDiff.make(from: Array(consensus.text.dropLast()), to: consensus.text) == nil)
    }

    @Test("the diff of 3,000 relays of which a tenth changed is a fraction of the consensus")
    func size() throws {
        var random = SeededRandom(seed: 6)
        var consensus = SyntheticConsensus(relays: 3000, using: &random)
        let old = consensus.text
        consensus.change(fraction: 0.1, using: &random)
        let diff = try #require(ConsensusDiff.make(from: old, to: consensus.text))
        #expect(diff.count < consensus.text.count / 8)
    }

    @Test("mutated diffs never trap", arguments: [1, 2, 3] as [UInt64])
    func mutations(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let diff = try Vectors.bytes("consdiff/diff1.txt")
        let header = diff.prefix { $0 != 0x0A }.count + 140
        for _ in 0..<500 {
            var bytes = diff
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: header..<bytes.count, using: &random)] = [0x0A, 0x24, 0x2C, 0x2E, 0x61, 0x63, 0x64, 0x39].randomElement(using: &random)!
            }
            #expect(failure(bytes, old) != nil || bytes == diff, "seed \(seed)")
        }
    }
}

/// A text with the lines of a microdesc consensus.
struct SyntheticConsensus {
    var hour = 0
    var entries: [[String]]
    private var signature = 1

    init(relays: Int, using random: inout SeededRandom) {
        entries = (0..<relays).map { _ in Self.entry(using: &random) }
        sort()
    }

    /// Any order will do that is the same in both texts.
    private mutating func sort() { entries.sort { $0[0].split(separator: " ")[2] < $1[0].split(separator: " ")[2] } }

    private static func bytes(_ count: Int, _ random: inout SeededRandom) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) } }

    private static func entry(using random: inout SeededRandom) -> [String] {
        let identity = Base64.encode(bytes(20, &random), padded: false)
        return [
            "r \(identity.prefix(6).filter { $0.isLetter })x \(identity) 2038-01-01 00:00:00 10.\(UInt8.random(in: 0...255, using: &random)).0.1 9001 0",
            "m \(Base64.encode(bytes(32, &random), padded: false))", "s Fast Guard Running Stable V2Dir Valid", "v Tor 0.4.9.11",
            "pr Conflux=1 Cons=1-2 Desc=1-4 DirCache=2 FlowCtrl=1-2 HSDir=2 HSIntro=4-5 HSRend=1-2 Link=3-5 LinkAuth=3 Microdesc=1-3 Padding=2 Relay=2-6",
            "w Bandwidth=\(UInt16.random(in: 1...60000, using: &random))",
        ]
    }

    /// The next hour: so many of the relays are gone, new, or have other lines.
    mutating func change(fraction: Double, using random: inout SeededRandom) {
        hour += 1
        signature += 1
        for index in entries.indices.reversed() where Double.random(in: 0..<1, using: &random) < fraction {
            switch Int.random(in: 0...9, using: &random) {
            case 0: entries.remove(at: index)
            case 1: entries[index].remove(at: 3)
            case 2: entries[index][1] = "m \(Base64.encode(Self.bytes(32, &random), padded: false))"
            case 3: entries.append(Self.entry(using: &random))
            default: entries[index][5] = "w Bandwidth=\(UInt16.random(in: 1...60000, using: &random))"
            }
        }
        sort()
    }

    var text: [UInt8] {
        var lines = ["network-status-version 3 microdesc", "vote-status consensus", "valid-after 2026-11-21 \(hour):00:00", "known-flags Exit Fast Guard"]
        for entry in entries { lines += entry }
        lines += ["directory-footer", "bandwidth-weights Wbd=0 Wbe=\(hour)"]
        for number in 0..<3 {
            lines += ["directory-signature sha256 \(number) \(signature)", "-----BEGIN SIGNATURE-----", "c2lnbmF0dXJl\(signature)", "-----END SIGNATURE-----"]
        }
        return Array((lines.joined(separator: "\n") + "\n").utf8)
    }
}
