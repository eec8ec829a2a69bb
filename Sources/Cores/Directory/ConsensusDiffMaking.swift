internal import Bytes
internal import Sealing

extension ConsensusDiff {
    /// The diff that makes `target` of `base`; `nil` when there can be none (no signatures, too many lines, a line that is a single dot).
    ///
    /// Time and memory are linear in the lengths: relays are matched by identity, and only the lines of matched entries (and of
    /// the head and the foot) are compared with one another, each pair within a bound.
    package static func make(from base: [UInt8], to target: [UInt8]) -> [UInt8]? {
        guard let old = LineIndex(base, limit: lineLimit), let new = LineIndex(target, limit: lineLimit) else { return nil }
        // One line would be `N,$d` with nothing to span, which stock refuses; no signature is so short.
        guard let end = firstSignature(old), old.count - end > 1, let from = signedDigest(old) else { return nil }
        var text = versionLine + Array("hash \(Hex.upper(from)) \(Hex.upper(Digest.sha3_256(target)))\n\(end + 1),$d\n".utf8)
        var comparison = ConsensusComparison(old: old, oldEnd: end, new: new)
        for hunk in comparison.hunks().reversed() {
            guard append(hunk, new, to: &text) else { return nil }
        }
        return text
    }

    /// `false` for a line that would end the insertion.
    private static func append(_ hunk: ConsensusComparison.Hunk, _ new: LineIndex, to text: inout [UInt8]) -> Bool {
        let (first, last) = (hunk.old.lowerBound + 1, hunk.old.upperBound)
        let place = hunk.old.count > 1 ? "\(first),\(last)" : hunk.old.isEmpty ? "\(last)" : "\(first)"
        text += Array("\(place)\(hunk.old.isEmpty ? "a" : hunk.new.isEmpty ? "d" : "c")\n".utf8)
        guard !hunk.new.isEmpty else { return true }
        guard !hunk.new.contains(where: { new[$0].elementsEqual([0x2E, 0x0A]) }) else { return false }
        text += new[hunk.new]
        text += [0x2E, 0x0A]
        return true
    }
}

/// Finds which lines of two consensuses differ.
struct ConsensusComparison {
    /// Lines of the old text that go, and those of the new one that come in their place.
    struct Hunk: Equatable {
        var old: Range<Int>
        var new: Range<Int>
    }

    /// A part with more pairs of lines than this is replaced whole. Heads of real consensuses have about 60 lines, entries 8.
    static let pairLimit = 1 << 16
    private static let entry = Array("r ".utf8)

    private let old: LineIndex
    /// The old text is compared up to here: its signatures are gone.
    private let oldEnd: Int
    private let new: LineIndex
    private var found: [Hunk] = []

    init(old: LineIndex, oldEnd: Int, new: LineIndex) {
        self.old = old
        self.oldEnd = oldEnd
        self.new = new
    }

    /// In the order of the text; neighbours are joined.
    mutating func hunks() -> [Hunk] {
        let known = Dictionary(entries(old, end: oldEnd)) { first, _ in first }
        // Both texts begin at the same place, as if an entry began there.
        var last = (old: 0, new: 0)
        var nextOld = 0
        for (identity, line) in entries(new, end: new.count) {
            // Entries are sorted in both; one that is not in order is replaced.
            guard let match = known[identity], match >= nextOld else { continue }
            compare(last.old..<match, last.new..<line)
            last = (match, line)
            nextOld = match + 1
        }
        compare(last.old..<oldEnd, last.new..<new.count)
        return found
    }

    /// Where the entries begin, by what names the relay.
    private func entries(_ text: LineIndex, end: Int) -> [(ArraySlice<UInt8>, Int)] {
        (0..<end).compactMap { line in
            guard text.line(line, startsWith: Self.entry) else { return nil }
            let words = text[line].split(separator: 0x20, maxSplits: 3)
            return words.count > 2 ? (words[2], line) : nil
        }
    }

    /// From the start of one matched entry to the start of the next: lines of both that are equal at either end stay.
    private mutating func compare(_ a: Range<Int>, _ b: Range<Int>) {
        var (a, b) = (a, b)
        while !a.isEmpty, !b.isEmpty, old[a.lowerBound] == new[b.lowerBound] {
            a = a.dropFirst()
            b = b.dropFirst()
        }
        while !a.isEmpty, !b.isEmpty, old[a.upperBound - 1] == new[b.upperBound - 1] {
            a = a.dropLast()
            b = b.dropLast()
        }
        guard !a.isEmpty || !b.isEmpty else { return }
        if a.isEmpty || b.isEmpty || a.count * b.count > Self.pairLimit { note(Hunk(old: a, new: b)) } else { align(a, b) }
    }

    /// The longest common subsequence of two short runs of lines.
    private mutating func align(_ a: Range<Int>, _ b: Range<Int>) {
        let width = b.count + 1
        // `lengths[i * width + j]`: how many lines the runs from i and from j on have in common.
        var lengths = [UInt16](repeating: 0, count: (a.count + 1) * width)
        for i in a.indices.reversed() {
            for j in b.indices.reversed() {
                let at = (i - a.lowerBound) * width + j - b.lowerBound
                lengths[at] = old[i] == new[j] ? lengths[at + width + 1] + 1 : max(lengths[at + width], lengths[at + 1])
            }
        }
        var (i, j) = (a.lowerBound, b.lowerBound)
        while i < a.upperBound || j < b.upperBound {
            let at = (i - a.lowerBound) * width + j - b.lowerBound
            if i < a.upperBound, j < b.upperBound, old[i] == new[j] {
                (i, j) = (i + 1, j + 1)
            } else if j == b.upperBound || i < a.upperBound && lengths[at + width] >= lengths[at + 1] {
                note(Hunk(old: i..<i + 1, new: j..<j))
                i += 1
            } else {
                note(Hunk(old: i..<i, new: j..<j + 1))
                j += 1
            }
        }
    }

    private mutating func note(_ hunk: Hunk) {
        guard let last = found.last, last.old.upperBound == hunk.old.lowerBound, last.new.upperBound == hunk.new.lowerBound else { return found.append(hunk) }
        found[found.count - 1] = Hunk(old: last.old.lowerBound..<hunk.old.upperBound, new: last.new.lowerBound..<hunk.new.upperBound)
    }
}
