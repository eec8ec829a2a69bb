package import Ambience
package import Boxes
internal import Bytes
package import Letters
internal import Synchronization

/// Brings what the owner has written to gateways of the mix: motes whose descriptors say that they take letters, chosen at random.
///
/// A letter stays with the first gateway that it was tried at, for an answer may be lost and that one knows it again; only one that goes on saying nothing is
/// left for another, which may double the letter. Owners of boxes get it once all the same, and others see one Message-ID twice.
package final class LetterSender: Sendable {
    /// Tries of one letter at one gateway.
    private static let triesLimit = 5

    private let store: PostboxStore
    private let line: any BoxLine
    private let now: @Sendable () -> WallTime
    private let gateways = Mutex<[LetterID: (mote: [UInt8], tries: Int)]>([:])

    package init(_ store: PostboxStore, _ line: any BoxLine, now: @escaping @Sendable () -> WallTime) { (self.store, self.line, self.now) = (store, line, now) }

    /// Tries each letter that waits once.
    ///
    /// - Returns: how many were taken, and how many wait still.
    package func send() throws(PostboxError) -> (taken: Int, waiting: Int) {
        var taken = 0, waiting = 0
        for letter in try store.outgoing(.waiting) {
            guard let mote = try gateway(letter.id) else { waiting += 1; continue }
            let answer = line.post(letter.letter.encoded, to: LetterPath.send, of: mote, limitBytes: LetterPath.taken.count)
            let isTaken = answer == LetterPath.taken, name = String(Hex.upper(mote).prefix(8))
            try store.note(letter.id, isTaken ? .taken : .waiting, isTaken ? "by \(name)" : "no answer from \(name)", now: now())
            if isTaken { taken += 1 } else { waiting += 1 }
            if isTaken { gateways.withLock { $0[letter.id] = nil } }
        }
        return (taken, waiting)
    }

    private func gateway(_ id: LetterID) throws(PostboxError) -> [UInt8]? {
        let fresh = try store.motes().randomElement()?.identity
        return gateways.withLock { gateways in
            guard let (mote, tries) = gateways[id], tries < Self.triesLimit else {
                gateways[id] = fresh.map { ($0, 1) }
                return fresh
            }
            gateways[id] = (mote, tries + 1)
            return mote
        }
    }

    /// How well a letter hides that is sent now, as one gateway sees it; `nil` when none answers.
    package func hiding() throws(PostboxError) -> HidingReport? {
        for mote in try store.motes().shuffled().prefix(Self.triesLimit) {
            if let report = line.post([], to: LetterPath.hiding, of: mote.identity, limitBytes: LetterPath.hidingLimitBytes).flatMap({ HidingReport($0) }) { return report }
        }
        return nil
    }
}
