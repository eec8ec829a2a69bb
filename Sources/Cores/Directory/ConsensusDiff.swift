internal import Bytes
internal import Sealing

/// What makes a newer consensus of an older one (dir-spec "Limited ed diff" and "Consensus diffs", version 1).
///
/// A text of three parts: the version line, the line `hash FROM TO`, and commands of the editor ed from the end of the document to its
/// start. FROM is SHA3-256 of the *signed part* of the older text, so that its holder may have other signatures than the maker; TO is
/// SHA3-256 of the whole newer text. Lines are at most as many as a consensus may have.
package struct ConsensusDiff: Sendable {
    /// Why a diff is no use. The full document is fetched then.
    package enum Failure: Error, Equatable {
        /// Not a diff of version 1, or its commands are not in the limited form.
        case malformed
        /// Made for another consensus than the one at hand.
        case otherBase
        /// What came out is not what the maker had.
        case otherResult
        /// The base or the result is larger than a consensus may be.
        case oversized
    }

    /// More lines than this are refused; the largest real consensus has about 80,000.
    static let lineLimit = NetDocument.itemLimit
    static let versionLine = Array("network-status-diff-version 1\n".utf8)
    static let signatures = Array("directory-signature ".utf8)

    /// Whether an answer is a diff rather than a consensus.
    package static func isDiff(_ bytes: [UInt8]) -> Bool { bytes.starts(with: versionLine) }

    /// SHA3-256 of the part of a consensus that signatures are about; `nil` for a text without any.
    static func signedDigest(_ text: LineIndex) -> [UInt8]? {
        firstSignature(text).map { Digest.sha3_256(text[0..<$0] + signatures) }
    }

    static func firstSignature(_ text: LineIndex) -> Int? { (0..<text.count).first { text.line($0, startsWith: signatures) } }

    /// The newer consensus, unchecked but for its hash: parse and verify it like any other.
    package static func apply(_ diff: [UInt8], to base: [UInt8]) throws(Failure) -> [UInt8] {
        guard let script = LineIndex(diff, limit: lineLimit), isDiff(diff), script.count >= 2 else { throw .malformed }
        guard let base = LineIndex(base, limit: lineLimit) else { throw .oversized }
        let words = script[1].dropLast().split(separator: 0x20, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
        guard words.count == 3, words[0] == "hash", let from = Hex.decode(words[1][...]), let to = Hex.decode(words[2][...]), from.count == 32, to.count == 32
        else { throw .malformed }
        guard signedDigest(base) == from else { throw .otherBase }
        var editor = LineEditor(script: script, firstCommand: 2, base: base)
        let result = try editor.run(limitBytes: Consensus.limitBytes)
        guard Digest.sha3_256(result) == to else { throw .otherResult }
        return result
    }
}

/// Runs ed commands that come from the end of the text to its start: one pass, nothing moved.
private struct LineEditor {
    let script: LineIndex
    let base: LineIndex
    private var next: Int
    /// Base lines from here on are settled.
    private var settled: Int
    /// Parts of the result, last one first.
    private var parts: [ArraySlice<UInt8>] = []

    private struct Command {
        enum Action: UInt8 { case add = 0x61, change = 0x63, delete = 0x64 }
        /// Lines of the base that go; empty where lines are added behind `lowerBound`.
        let lines: Range<Int>
        let action: Action
    }

    init(script: LineIndex, firstCommand: Int, base: LineIndex) {
        self.script = script
        self.base = base
        next = firstCommand
        settled = base.count
    }

    mutating func run(limitBytes: Int) throws(ConsensusDiff.Failure) -> [UInt8] {
        while next < script.count {
            let command = try command(script[next].dropLast())
            next += 1
            guard command.lines.upperBound <= settled else { throw .malformed }
            parts.append(base[command.lines.upperBound..<settled])
            settled = command.lines.lowerBound
            if command.action != .delete { parts.append(try inserted()) }
        }
        parts.append(base[0..<settled])
        guard parts.reduce(0, { $0 + $1.count }) <= limitBytes else { throw .oversized }
        return Array(parts.reversed().joined())
    }

    /// The lines up to the one that is a single dot; at least one.
    private mutating func inserted() throws(ConsensusDiff.Failure) -> ArraySlice<UInt8> {
        let first = next
        while next < script.count, !script[next].elementsEqual([0x2E, 0x0A]) { next += 1 }
        guard next < script.count, next > first else { throw .malformed }
        defer { next += 1 }
        return script[first..<next]
    }

    /// `Na`, `Nc`, `N,Mc`, `Nd`, `N,Md` or `N,$d`.
    private func command(_ line: ArraySlice<UInt8>) throws(ConsensusDiff.Failure) -> Command {
        guard let last = line.last, let action = Command.Action(rawValue: last) else { throw .malformed }
        let numbers = line.dropLast().split(separator: 0x2C, omittingEmptySubsequences: false)
        guard numbers.count == 1 || numbers.count == 2 && action != .add, let from = numbers.first.flatMap({ number($0) }) else { throw .malformed }
        if action == .add { return Command(lines: from..<from, action: action) }
        var to = from
        if numbers.count == 2 {
            if numbers[1].elementsEqual([0x24]), action == .delete { to = base.count } else { to = number(numbers[1]) ?? 0 }
            guard to > from else { throw .malformed }
        }
        guard from >= 1 else { throw .malformed }
        return Command(lines: from - 1..<to, action: action)
    }

    /// At most as many digits as a line number can have.
    private func number(_ digits: ArraySlice<UInt8>) -> Int? {
        guard (1...9).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }
}
