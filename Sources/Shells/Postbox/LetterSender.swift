package import Ambience
internal import Boxes
internal import Bytes
package import Letters

/// Brings what the owner has written to gateways of the mix: motes whose descriptors say that they take letters, chosen at random.
///
/// 1. A letter goes in pieces (`LetterPiece`), over one circuit as long as that holds, then over another: what is there need not go again.
/// 2. It stays with the first gateway that it was tried at, whichever process brings it, for an answer may be lost and that one knows it again.
/// 3. Only one that goes on saying nothing is left for another, which may double the letter: owners of boxes get it once all the same, and others see one
///    Message-ID twice. One that says that it takes no more is left at once.
package final class LetterSender: Sendable {
    /// Rounds in which one gateway says nothing to one letter.
    private static let triesLimit = 5
    /// Circuits one after the other over which nothing more gets there, once something has.
    private static let circuitsLimit = 3
    /// Gateways in one round that say that they take no more.
    private static let gatewaysLimit = 3

    private enum Outcome {
        case taken, elsewhere
        /// No answer; whether some of it got there.
        case silent(hasMoved: Bool)
    }

    private let store: PostboxStore
    private let line: any BoxLine
    private let now: @Sendable () -> WallTime

    package init(_ store: PostboxStore, _ line: any BoxLine, now: @escaping @Sendable () -> WallTime) { (self.store, self.line, self.now) = (store, line, now) }

    /// Tries each letter that waits once.
    ///
    /// - Parameter onPiece: hears of how many pieces of a letter are there.
    /// - Returns: how many were taken, and how many wait still. Another process may have brought some of them.
    package func send(onPiece: (OutgoingLetter, _ there: Int, _ pieces: Int) -> Void = { _, _, _ in }) throws(PostboxError) -> (taken: Int, waiting: Int) {
        let letters = try store.outgoing(.waiting)
        for letter in letters { try bring(letter) { onPiece(letter, $0, $1) } }
        let left = Set(try store.outgoing(.waiting).map(\.id)), waiting = letters.count { left.contains($0.id) }
        return (letters.count - waiting, waiting)
    }

    private func bring(_ waiting: OutgoingLetter, _ onPiece: (Int, Int) -> Void) throws(PostboxError) {
        guard let pieces = try store.letter(waiting.id).map({ LetterPiece.cut($0) }), var (gateway, tries) = try gateway(of: waiting, besides: nil) else { return }
        for _ in 0..<Self.gatewaysLimit {
            // Known before anything goes there: another process goes on with the same one.
            try store.note(waiting.id, gateway: gateway, tries: tries + 1)
            let name = String(Hex.upper(gateway).prefix(8))
            switch carry(pieces, to: gateway, onPiece) {
            case .taken: return try store.note(waiting.id, .taken, "by \(name)", now: now())
            case .silent(let hasMoved):
                if hasMoved { try store.note(waiting.id, gateway: gateway, tries: 0) }
                return try store.note(waiting.id, .waiting, "no answer from \(name)", now: now())
            case .elsewhere:
                try store.note(waiting.id, .waiting, "\(name) takes no more", now: now())
                guard let other = try self.gateway(of: nil, besides: gateway) else { return }
                (gateway, tries) = other
            }
        }
    }

    /// The one that a letter was tried at, or another.
    private func gateway(of letter: OutgoingLetter?, besides other: [UInt8]?) throws(PostboxError) -> (mote: [UInt8], tries: Int)? {
        if let letter, let gateway = letter.gateway, letter.tries < Self.triesLimit { return (gateway, letter.tries) }
        return try store.motes().filter { $0.identity != other }.randomElement().map { ($0.identity, 0) }
    }

    private func carry(_ pieces: [LetterPiece], to mote: [UInt8], _ onPiece: (Int, Int) -> Void) -> Outcome {
        var next = 0, most = 0, failures = 0, circuit = BoxCircuit()
        repeat {
            let answer = line.post(pieces[next].encoded, to: LetterPath.send, of: mote, over: circuit, limitBytes: LetterPiece.Answer.bytesCount)
            switch answer.flatMap({ LetterPiece.Answer($0) }) {
            case .taken: return .taken
            case .elsewhere: return .elsewhere
            case .wanted(let number) where number < pieces.count:
                next = number
                // Further than ever before: who says now this and now that does not keep us.
                failures = number > most ? 0 : failures + 1
                most = max(most, number)
                onPiece(number, pieces.count)
            case .wanted, nil:
                failures += 1
                circuit = BoxCircuit()
            }
        } while failures < (most > 0 ? Self.circuitsLimit : 1)
        return .silent(hasMoved: most > 0)
    }

    /// How well a letter hides that is sent now, as one gateway sees it; `nil` when none answers.
    package func hiding() throws(PostboxError) -> HidingReport? {
        for mote in try store.motes().shuffled().prefix(Self.triesLimit) {
            if let report = line.post([], to: LetterPath.hiding, of: mote.identity, limitBytes: LetterPath.hidingLimitBytes).flatMap({ HidingReport($0) }) { return report }
        }
        return nil
    }
}
