internal import Ambience
internal import Bytes
internal import DirectoryService
internal import Letters
internal import Loops
internal import Spool

/// Takes letters that people's own programs bring, piece by piece.
///
/// 1. A piece is in the spool before it is acknowledged. One that a broken circuit cuts off comes again, the others need not (`LetterPieces`).
/// 2. With the last one the letter is put together on a thread, one letter at a time, and handed on.
/// 3. Only when whoever gets it has it on stable storage is it acknowledged as a whole and are its pieces forgotten.
final class LetterDesk {
    static let pieceKind: UInt8 = 0x4C
    /// Of pieces that wait to be written down.
    private static let waitingBytes = 16 << 20
    /// Letters of one piece that wait to be read; their posts are held by the directory.
    private static let jobs = 64

    private enum Reading { case letter(Letter), damaged, refused }

    private let loop: EventLoop
    private let spool: Spool
    private let submit: (Letter, _ done: @escaping (Bool) -> Void) -> Void
    private let worker: BackgroundWorker
    private var pieces = LetterPieces()
    private var waiting: [LetterSum: [(DirectoryOffice.Answer) -> Void]] = [:]
    /// Whole letters of several pieces; the first one is being put together.
    private var whole: [LetterSum] = []
    /// The mote takes nothing new any more.
    var isLeaving: () -> Bool = { false }

    /// Takes up what the spool has.
    ///
    /// - Parameter submit: takes a letter, and says whether it is on stable storage.
    init(loop: EventLoop, spool: Spool, submit: @escaping (Letter, _ done: @escaping (Bool) -> Void) -> Void) {
        (self.loop, self.spool, self.submit) = (loop, spool, submit)
        worker = BackgroundWorker(loop: loop, jobLimit: Self.jobs)
        for stray in pieces.resume(spool.ids(of: Self.pieceKind).compactMap(Self.piece), at: loop.wall) { spool.remove(Self.id(stray.letter, stray.number)) }
    }

    static var limits: SpoolLimits {
        var limits = SpoolLimits()
        // Twice what is to lie there at the most: what makes room is there until the writer has come to it.
        (limits.liveBytes, limits.waitingBytes, limits.batchBytes) = (2 * LetterPieces.Bounds().bytes, waitingBytes, 4 << 20)
        return limits
    }

    /// - Parameter done: called once.
    func take(_ body: [UInt8], _ done: @escaping (DirectoryOffice.Answer) -> Void) {
        guard let piece = LetterPiece(body) else { return done(.refused) }
        guard !pieces.hasTaken(piece.letter) else { return done(.bytes(LetterPiece.Answer.taken.encoded)) }
        guard !isLeaving() || waiting[piece.letter] != nil else { return done(.bytes(LetterPiece.Answer.elsewhere.encoded)) }
        guard piece.letter.pieces > 1 else { return takeAlone(piece, done) }
        switch pieces.offer(piece, at: loop.wall) {
        case .keep(let forgotten): keep(piece, forgotten, done)
        case .wanted(let number): done(.bytes(LetterPiece.Answer.wanted(number).encoded))
        case .taken: done(.bytes(LetterPiece.Answer.taken.encoded))
        case .whole: wait(for: piece.letter, done)
        }
    }

    // MARK: Pieces

    private static func id(_ letter: LetterSum, _ number: Int) -> [UInt8] {
        var writer = ByteWriter(capacity: LetterSum.digestBytes + 5)
        writer.append(letter.digest)
        writer.u32(UInt32(letter.sizeBytes))
        writer.u8(UInt8(number))
        return writer.bytes
    }

    private static func piece(_ id: [UInt8]) -> (letter: LetterSum, number: Int)? {
        var reader = ByteReader(id)
        guard let digest = try? reader.bytes(LetterSum.digestBytes), let size = try? reader.u32(), let number = try? reader.u8() else { return nil }
        return LetterSum(digest: digest, sizeBytes: Int(size)).map { ($0, Int(number)) }
    }

    private func keep(_ piece: LetterPiece, _ forgotten: [LetterSum], _ done: @escaping (DirectoryOffice.Answer) -> Void) {
        for letter in forgotten { removePieces(of: letter) }
        spool.append(kind: Self.pieceKind, id: Self.id(piece.letter, piece.number), payload: piece.content) { [weak self] result in
            guard let self, case .success = result else { return done(.busy) }
            guard pieces.kept(piece) else {
                spool.remove(Self.id(piece.letter, piece.number))
                return done(.busy)
            }
            let there = pieces.there(of: piece.letter)
            there < piece.letter.pieces ? done(.bytes(LetterPiece.Answer.wanted(there).encoded)) : wait(for: piece.letter, done)
        }
    }

    private func removePieces(of letter: LetterSum) { spool.commit((0..<letter.pieces).map { .remove(id: Self.id(letter, $0)) }, done: nil) }

    // MARK: Whole letters

    private func takeAlone(_ piece: LetterPiece, _ done: @escaping (DirectoryOffice.Answer) -> Void) {
        waiting[piece.letter, default: []].append(done)
        guard waiting[piece.letter]?.count == 1 else { return }
        join(piece.letter, [piece.content])
    }

    private func wait(for letter: LetterSum, _ done: @escaping (DirectoryOffice.Answer) -> Void) {
        waiting[letter, default: []].append(done)
        guard !whole.contains(letter) else { return }
        whole.append(letter)
        if whole.count == 1 { read(letter, []) }
    }

    /// A piece a turn, so that nobody waits for long.
    private func read(_ letter: LetterSum, _ contents: [[UInt8]]) {
        guard contents.count < letter.pieces else { return join(letter, contents) }
        guard let content = (try? spool.payload(of: Self.id(letter, contents.count))) ?? nil else { return settle(letter, .damaged) }
        loop.soon { [weak self] in self?.read(letter, contents + [content]) }
    }

    private func join(_ letter: LetterSum, _ contents: [[UInt8]]) {
        let isTaken = worker.run({ () -> Reading in
            let bytes = Array(contents.joined())
            guard letter.matches(bytes) else { return .damaged }
            return (try? Letter(decoding: bytes)).map { .letter($0) } ?? .refused
        }, { [weak self] in self?.settle(letter, $0) })
        if !isTaken { end(letter, .busy) }
    }

    private func settle(_ letter: LetterSum, _ reading: Reading) {
        switch reading {
        case .letter(let content): submit(content) { [weak self] isOurs in isOurs ? self?.taken(letter) : self?.end(letter, .busy) }
        // From the beginning: nothing of it can be trusted.
        case .damaged: forget(letter, .bytes(LetterPiece.Answer.wanted(0).encoded))
        case .refused: forget(letter, .refused)
        }
    }

    private func taken(_ letter: LetterSum) {
        pieces.take(letter)
        if letter.pieces > 1 { removePieces(of: letter) }
        end(letter, .bytes(LetterPiece.Answer.taken.encoded))
    }

    private func forget(_ letter: LetterSum, _ answer: DirectoryOffice.Answer) {
        pieces.forget(letter)
        if letter.pieces > 1 { removePieces(of: letter) }
        end(letter, answer)
    }

    private func end(_ letter: LetterSum, _ answer: DirectoryOffice.Answer) {
        for done in waiting.removeValue(forKey: letter) ?? [] { done(answer) }
        guard whole.first == letter else { return }
        whole.removeFirst()
        if let next = whole.first { read(next, []) }
    }
}
