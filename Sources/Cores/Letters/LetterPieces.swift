package import Ambience

/// Letters that come to a gateway in pieces, as far as they have come. Anybody may begin one and leave it: what nobody goes on with makes room for others.
package struct LetterPieces: Sendable {
    package struct Bounds: Sendable {
        package var letters = 1_024
        /// Of pieces on disk.
        package var bytes = 512 << 20
        /// A letter is waited for so long after its last piece.
        package var idleSeconds: Int64 = 3_600
        /// Letters that were taken: whoever missed the answer asks again.
        package var remembered = 4_096

        package init() {}
    }

    /// What becomes of a piece.
    package enum Verdict: Hashable, Sendable {
        /// It is to be written down, and `kept` told so. The pieces of these letters are to go.
        case keep(forgetting: [LetterSum])
        /// It is not its turn.
        case wanted(Int)
        /// All are there already.
        case whole
        /// The letter was taken before.
        case taken
    }

    private struct Arriving {
        var there = 0
        var changed: WallTime
    }

    private let bounds: Bounds
    private var arriving: [LetterSum: Arriving] = [:]
    private var taken: Set<LetterSum> = []
    private var takenInOrder: [LetterSum] = []

    package init(bounds: Bounds = Bounds()) { self.bounds = bounds }

    package var count: Int { arriving.count }

    package func hasTaken(_ letter: LetterSum) -> Bool { taken.contains(letter) }
    /// Pieces that are there.
    package func there(of letter: LetterSum) -> Int { arriving[letter]?.there ?? 0 }

    package mutating func offer(_ piece: LetterPiece, at now: WallTime) -> Verdict {
        let letter = piece.letter, there = there(of: letter)
        if hasTaken(letter) { return .taken }
        if there == letter.pieces { return .whole }
        guard piece.number == there else { return .wanted(there) }
        let forgotten = makeRoom(for: piece, at: now)
        arriving[letter, default: Arriving(changed: now)].changed = now
        return .keep(forgetting: forgotten)
    }

    /// Idle ones, then those whose last piece came longest ago.
    private mutating func makeRoom(for piece: LetterPiece, at now: WallTime) -> [LetterSum] {
        var forgotten: [LetterSum] = [], left = arriving.filter { $0.key != piece.letter }.sorted { $0.value.changed < $1.value.changed }[...]
        var bytes = arriving.reduce(piece.content.count) { $0 + $1.value.there * LetterPiece.contentBytes }
        while let (letter, state) = left.first, now - state.changed > bounds.idleSeconds || bytes > bounds.bytes || left.count >= bounds.letters {
            left.removeFirst()
            bytes -= state.there * LetterPiece.contentBytes
            forgotten.append(letter)
            arriving[letter] = nil
        }
        return forgotten
    }

    /// A piece is on stable storage.
    ///
    /// - Returns: false if its letter was forgotten meanwhile: it is to go, too.
    package mutating func kept(_ piece: LetterPiece) -> Bool {
        guard let state = arriving[piece.letter] else { return false }
        if state.there == piece.number { arriving[piece.letter]?.there += 1 }
        return true
    }

    package mutating func take(_ letter: LetterSum) {
        arriving[letter] = nil
        guard taken.insert(letter).inserted else { return }
        takenInOrder.append(letter)
        if takenInOrder.count > bounds.remembered { taken.remove(takenInOrder.removeFirst()) }
    }

    package mutating func forget(_ letter: LetterSum) { arriving[letter] = nil }

    /// Once: pieces that an earlier process wrote down.
    ///
    /// - Returns: those that are of no use, for one before them is missing.
    package mutating func resume(_ pieces: [(letter: LetterSum, number: Int)], at now: WallTime) -> [(letter: LetterSum, number: Int)] {
        for (letter, numbers) in Dictionary(grouping: pieces, by: \.letter).mapValues({ Set($0.map(\.number)) }) {
            let there = (0..<letter.pieces).prefix { numbers.contains($0) }.count
            if there > 0 { arriving[letter] = Arriving(there: there, changed: now) }
        }
        return pieces.filter { $0.number >= there(of: $0.letter) }
    }
}
