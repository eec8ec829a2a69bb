/// Puts letters together from shares that come in any order, some twice and some never.
package struct LetterCollector: Sendable {
    package struct Bounds: Sendable {
        /// Letters of which something is missing.
        package var letters = 4_096
        /// What their shares hold in all: 256 MiB.
        package var bytes = 256 << 20
        /// Letters that came, remembered so that none comes twice.
        package var remembered = 65_536
        /// What is not whole by then is forgotten: fourteen days. Milliseconds.
        package var patience: UInt64 = 14 * 86_400_000

        package init() {}
    }

    package enum Result: Hashable, Sendable {
        case letter([UInt8])
        case waiting
        /// Its letter is whole already, or it was here before.
        case known
        /// It is more than there is room for in all.
        case full
        /// It contradicts others of the same letter, or the letter is not what its name says.
        case refused
    }

    /// All shares that it takes, still to be put together.
    package struct Whole: Sendable {
        package let letter: [UInt8]
        let letterBytes: Int
        fileprivate let groups: [Group]

        /// `nil` if it is not what its name says. Takes a second for the longest: not for a loop.
        package func joined() -> [UInt8]? {
            let pieces = groups.flatMap { $0.code.pieces(from: $0.shares) ?? [] }
            let bytes = Array(pieces.joined().prefix(letterBytes))
            return bytes.count == letterBytes && Fragment.id(bytes) == letter ? bytes : nil
        }
    }

    package enum Gathered: Sendable {
        case whole(Whole)
        /// Never a letter.
        case other(Result)
    }

    private struct Partial {
        let letterBytes: Int
        let since: MixTime
        var groups: [Int: Group] = [:]
    }

    fileprivate struct Group: Sendable {
        let code: ErasureCode
        var shares: [Int: [UInt8]] = [:]
    }

    private let bounds: Bounds
    private var partial: [[UInt8]: Partial] = [:]
    private var held = 0
    private var whole: Set<[UInt8]> = []
    private var wholeInOrder: [[UInt8]] = []
    private var abandoned: [[UInt8]] = []

    package init(_ bounds: Bounds = Bounds()) { self.bounds = bounds }

    package var waiting: Int { partial.count }

    /// Letters that were given up since this was last asked: what else is kept of them may go.
    package mutating func takeAbandoned() -> [[UInt8]] {
        defer { abandoned = [] }
        return abandoned
    }

    /// As `gather`, and at once puts together what is whole.
    package mutating func take(_ fragment: Fragment, at now: MixTime) -> Result {
        switch gather(fragment, at: now) {
        case .other(let result): return result
        case .whole(let whole):
            if let bytes = whole.joined() { return .letter(bytes) }
            reject(whole)
            return .refused
        }
    }

    /// Takes a share. What becomes whole counts as known, unless it is rejected. At a bound the letter goes that has waited longest: of one that was sent again, nothing
    /// more will come of the first time.
    package mutating func gather(_ fragment: Fragment, at now: MixTime) -> Gathered {
        guard !whole.contains(fragment.letter) else { return .other(.known) }
        if partial[fragment.letter] == nil { forget(before: now) }
        makeRoom(for: fragment)
        guard partial[fragment.letter] != nil || partial.count < bounds.letters, held + fragment.share.count <= bounds.bytes else { return .other(.full) }
        var letter = partial[fragment.letter] ?? Partial(letterBytes: fragment.letterBytes, since: now)
        var group = letter.groups[fragment.group] ?? Group(code: fragment.code)
        guard letter.letterBytes == fragment.letterBytes, group.code == fragment.code else { return .other(.refused) }
        guard group.shares.count < group.code.data, group.shares.updateValue(fragment.share, forKey: fragment.number) == nil else { return .other(.known) }
        held += fragment.share.count
        letter.groups[fragment.group] = group
        partial[fragment.letter] = letter
        return finish(fragment.letter, letter, shareBytes: fragment.share.count)
    }

    private mutating func finish(_ id: [UInt8], _ letter: Partial, shareBytes: Int) -> Gathered {
        let groups = Fragment.groups(letterBytes: letter.letterBytes, shareBytes: shareBytes)
        guard groups.indices.allSatisfy({ letter.groups[$0].map { $0.shares.count == $0.code.data } ?? false }) else { return .other(.waiting) }
        drop(id)
        remember(id)
        return .whole(Whole(letter: id, letterBytes: letter.letterBytes, groups: groups.indices.compactMap { letter.groups[$0] }))
    }

    /// It was not what its name says: it may come again.
    package mutating func reject(_ letter: Whole) {
        if whole.remove(letter.letter) != nil { wholeInOrder.removeAll { $0 == letter.letter } }
    }

    private mutating func remember(_ id: [UInt8]) {
        whole.insert(id)
        wholeInOrder.append(id)
        if wholeInOrder.count > bounds.remembered { whole.remove(wholeInOrder.removeFirst()) }
    }

    private mutating func drop(_ id: [UInt8]) {
        guard let letter = partial.removeValue(forKey: id) else { return }
        held -= letter.groups.values.reduce(0) { $0 + $1.shares.values.reduce(0) { $0 + $1.count } }
    }

    private mutating func forget(before now: MixTime) {
        for (id, letter) in partial where now - letter.since > bounds.patience { abandon(id) }
    }

    private mutating func makeRoom(for fragment: Fragment) {
        let isNew = partial[fragment.letter] == nil
        while isNew && partial.count >= bounds.letters || held + fragment.share.count > bounds.bytes,
            let oldest = partial.filter({ $0.key != fragment.letter }).min(by: { $0.value.since < $1.value.since })
        { abandon(oldest.key) }
    }

    private mutating func abandon(_ id: [UInt8]) {
        drop(id)
        abandoned.append(id)
    }
}
