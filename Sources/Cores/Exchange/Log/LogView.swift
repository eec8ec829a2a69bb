/// The log as somebody has seen it: it may only grow. Two signed checkpoints of which one is not the other's past show everybody that the
/// exchange shows different people different keys.
package struct LogView: Sendable {
    package enum Refusal: Error, Hashable, Sendable {
        /// Not signed by the log and enough witnesses.
        case notBelieved
        /// The proof does not show that it grew: ask again, with the right tiles.
        case notShown
        /// Signed by all that it takes, and of another past. Both are evidence.
        case splitView(Checkpoint, Checkpoint)
    }

    private let trust: LogTrust
    /// The largest tree that it has seen, if any.
    package private(set) var latest: Checkpoint?

    /// `latest` from before a restart.
    package init(_ trust: LogTrust, latest: Checkpoint? = nil) { (self.trust, self.latest) = (trust, latest) }

    /// Takes a checkpoint in. `proof` shows that the smaller of both trees grew to the larger one; between equal ones it is empty.
    package mutating func take(_ checkpoint: Checkpoint, proof: [[UInt8]]) throws(Refusal) {
        guard trust.accepts(checkpoint) else { throw .notBelieved }
        guard let latest, latest.size > 0, checkpoint.size > 0 else {
            if self.latest?.size ?? 0 <= checkpoint.size { self.latest = checkpoint }
            return
        }
        if latest.size == checkpoint.size {
            guard latest.root == checkpoint.root else { throw .splitView(latest, checkpoint) }
            return
        }
        let (old, new) = latest.size < checkpoint.size ? (latest, checkpoint) : (checkpoint, latest)
        guard MerkleTree.isConsistent(old.size, old.root, new.size, new.root, proof: proof) else { throw .notShown }
        self.latest = new
    }
}
