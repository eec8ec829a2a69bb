internal import Bytes

/// What a log sends a witness (C2SP's tlog-witness): a new checkpoint, and what shows that it only grew since the one that the witness
/// signed last.
package struct AddCheckpoint: Hashable, Sendable {
    package static let bytesLimit = 8 << 10 + Checkpoint.bytesLimit

    package enum Failure: Error { case malformed }

    package let oldSize: Int
    package let proof: [[UInt8]]
    package let checkpoint: Checkpoint

    package init(oldSize: Int, proof: [[UInt8]], checkpoint: Checkpoint) { (self.oldSize, self.proof, self.checkpoint) = (oldSize, proof, checkpoint) }

    package var text: String { "old \(oldSize)\n" + proof.map { Base64.encode($0) + "\n" }.joined() + "\n" + checkpoint.text }

    package init(_ text: String) throws(Failure) {
        guard text.utf8.count <= Self.bytesLimit, let end = text.firstRange(of: "\n\n") else { throw .malformed }
        let lines = text[..<end.lowerBound].split(separator: "\n", omittingEmptySubsequences: false)
        guard lines[0].hasPrefix("old "), let old = Int(lines[0].dropFirst(4)), old >= 0, "old \(old)" == lines[0], lines.count - 1 <= LoggedDocument.proofLimit
        else { throw .malformed }
        var proof: [[UInt8]] = []
        for line in lines.dropFirst() {
            guard let hash = Base64.decode(line), hash.count == 32, Base64.encode(hash) == line else { throw .malformed }
            proof.append(hash)
        }
        do { self.init(oldSize: old, proof: proof, checkpoint: try Checkpoint(String(text[end.upperBound...]))) } catch { throw .malformed }
    }
}

/// What a witness remembers of a log: the largest tree that it signed. It never signs another past.
package struct WitnessedLog: Hashable, Sendable {
    package let origin: String
    package let key: [UInt8]
    package private(set) var size: Int
    package private(set) var root: [UInt8]

    /// Of which nothing was signed yet, or what was.
    package init(origin: String, key: [UInt8], size: Int = 0, root: [UInt8] = []) { (self.origin, self.key, self.size, self.root) = (origin, key, size, root) }

    /// By the HTTP status that says so.
    package enum Refusal: Int, Error, Sendable {
        /// The old size is above the new one.
        case malformed = 400
        case notSigned = 403
        case unknownLog = 404
        /// Not the size that was signed last, which the answer has then; or the same size with another root.
        case conflict = 409
        case notConsistent = 422
    }

    /// The state to keep before the checkpoint is cosigned.
    package func adding(_ request: AddCheckpoint) throws(Refusal) -> WitnessedLog {
        let checkpoint = request.checkpoint
        guard checkpoint.origin == origin else { throw .unknownLog }
        guard checkpoint.isSigned(by: key) else { throw .notSigned }
        guard request.oldSize <= checkpoint.size else { throw .malformed }
        guard request.oldSize == size else { throw .conflict }
        if size == 0 {
            guard request.proof.isEmpty, checkpoint.size > 0 || checkpoint.root == MerkleTree.root([[UInt8]]()) else { throw .notConsistent }
        } else {
            if size == checkpoint.size, root != checkpoint.root { throw .conflict }
            guard MerkleTree.isConsistent(size, root, checkpoint.size, checkpoint.root, proof: request.proof) else { throw .notConsistent }
        }
        return WitnessedLog(origin: origin, key: key, size: checkpoint.size, root: checkpoint.root)
    }
}
