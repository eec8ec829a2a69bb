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
        /// There is no room for another letter, or for more of this one.
        case full
        /// It contradicts others of the same letter, or the letter is not what its name says.
        case refused
    }

    private struct Partial {
        let letterBytes: Int
        let since: MixTime
        var groups: [Int: Group] = [:]
    }

    private struct Group {
        let code: ErasureCode
        var shares: [Int: [UInt8]] = [:]
    }

    private let bounds: Bounds
    private var partial: [[UInt8]: Partial] = [:]
    private var held = 0
    private var whole: Set<[UInt8]> = []
    private var wholeInOrder: [[UInt8]] = []

    package init(_ bounds: Bounds = Bounds()) { self.bounds = bounds }

    package var waiting: Int { partial.count }

    package mutating func take(_ fragment: Fragment, at now: MixTime) -> Result {
        guard !whole.contains(fragment.letter) else { return .known }
        if partial[fragment.letter] == nil { forget(before: now) }
        guard partial[fragment.letter] != nil || partial.count < bounds.letters, held + fragment.share.count <= bounds.bytes else { return .full }
        var letter = partial[fragment.letter] ?? Partial(letterBytes: fragment.letterBytes, since: now)
        var group = letter.groups[fragment.group] ?? Group(code: fragment.code)
        guard letter.letterBytes == fragment.letterBytes, group.code == fragment.code else { return .refused }
        guard group.shares.count < group.code.data, group.shares.updateValue(fragment.share, forKey: fragment.number) == nil else { return .known }
        held += fragment.share.count
        letter.groups[fragment.group] = group
        partial[fragment.letter] = letter
        return finish(fragment.letter, letter, shareBytes: fragment.share.count)
    }

    private mutating func finish(_ id: [UInt8], _ letter: Partial, shareBytes: Int) -> Result {
        let groups = Fragment.groups(letterBytes: letter.letterBytes, shareBytes: shareBytes)
        guard groups.indices.allSatisfy({ letter.groups[$0].map { $0.shares.count == $0.code.data } ?? false }) else { return .waiting }
        drop(id)
        let pieces = groups.indices.flatMap { index in letter.groups[index].flatMap { $0.code.pieces(from: $0.shares) } ?? [] }
        let bytes = Array(pieces.joined().prefix(letter.letterBytes))
        guard bytes.count == letter.letterBytes, Fragment.id(bytes) == id else { return .refused }
        remember(id)
        return .letter(bytes)
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
        for (id, letter) in partial where now - letter.since > bounds.patience { drop(id) }
    }
}
