internal import Bytes
package import Sealing

/// The exchange's side of its log: adds entries, signs checkpoints, asks witnesses, and has at last a checkpoint that wallets believe.
///
/// The caller keeps entries and cosigned checkpoints. An entry is durable before it is appended here, and what was signed once is never
/// taken back: a log that lost entries cannot go on, for its witnesses remember them.
package struct LogAuthor: Sendable {
    package enum Failure: Error, Equatable, CustomStringConvertible {
        /// A witness has seen more entries than there are.
        case behind(witness: String, theirs: Int, ours: Int)
        /// It answered something else, with that HTTP status.
        case refused(witness: String, status: Int)

        package var description: String {
            switch self {
            case .behind(let witness, let theirs, let ours):
                "witness \(witness) has signed a log of \(theirs) entries, and here are \(ours): entries were lost, as when an old backup is restored; bring them back from a copy of the log"
            case .refused(let witness, let status): "witness \(witness) does not sign the log's checkpoint: it answered \(status)"
            }
        }
    }

    package let origin: String
    private let key: Ed25519Key
    private let trust: LogTrust
    package private(set) var log: TransparencyLog
    /// Signed by the log, and by whichever witnesses have answered.
    package private(set) var draft: Checkpoint
    /// The last one that enough witnesses signed.
    package private(set) var published: Checkpoint?
    private var witnessed: [String: Int] = [:]

    /// With the entries that there are, and the last checkpoint that was published.
    package init(trust: LogTrust, key: Ed25519Key, entries: some Sequence<[UInt8]> = [[UInt8]](), published: Checkpoint? = nil) {
        (origin, self.trust, self.key, self.published) = (trust.origin, trust, key, published)
        log = TransparencyLog(entries.lazy.map { MerkleTree.leaf($0) })
        draft = Self.sign(log, origin, key)
    }

    private static func sign(_ log: TransparencyLog, _ origin: String, _ key: Ed25519Key) -> Checkpoint {
        var checkpoint = Checkpoint(origin: origin, size: log.size, root: log.root)
        checkpoint.sign(key)
        return checkpoint
    }

    /// Adds entries, in this order, and signs a checkpoint with them. Returns where the first is.
    @discardableResult
    package mutating func append(_ leaves: [LogLeaf]) -> Int {
        defer { draft = Self.sign(log, origin, key) }
        return leaves.map { log.append($0.hash) }.first ?? log.size
    }

    package var isPublished: Bool { published?.size == log.size }

    /// What to send to a witness for the draft.
    package func request(to witness: String) -> AddCheckpoint {
        let old = witnessed[witness] ?? 0
        return AddCheckpoint(oldSize: old, proof: log.consistency(from: old, to: log.size) ?? [], checkpoint: draft)
    }

    /// Takes a witness's answer to a request for a checkpoint of that size. True when the request should be made again at once: the witness
    /// had signed another size than was thought.
    package mutating func receive(status: Int, _ body: String, from witness: String, about size: Int) throws(Failure) -> Bool {
        switch status {
        case 200:
            witnessed[witness] = max(size, witnessed[witness] ?? 0)
            guard size == draft.size else { return false }
            draft.add(signatures: body)
            if trust.accepts(draft) { published = draft }
            return false
        case 409:
            guard body.hasSuffix("\n"), let theirs = Int(body.dropLast()), theirs >= 0 else { throw .refused(witness: witness, status: status) }
            guard theirs <= log.size else { throw .behind(witness: witness, theirs: theirs, ours: log.size) }
            // The same size again would be a loop: then it has another root.
            guard theirs != witnessed[witness] ?? 0 else { throw .refused(witness: witness, status: status) }
            witnessed[witness] = theirs
            return true
        default: throw .refused(witness: witness, status: status)
        }
    }

    /// With what shows that it is in the published log; `nil` while it is not.
    package func document(_ leaf: LogLeaf, at index: Int, body: [UInt8]) -> LoggedDocument? {
        guard let published, let proof = log.inclusion(of: index, size: published.size) else { return nil }
        return LoggedDocument(kind: leaf.kind, number: leaf.number, index: index, checkpoint: published, proof: proof, body: body)
    }
}
