internal import Bytes
internal import Sealing

/// An entry of the exchange's log: that something was published, and the digest of it. What it is lies beside the log, for whoever asks;
/// whoever got it checks it with the digest. So entries are small, all alike, and read by one parser.
///
///     dust-leaf 1
///     market dust.example/market
///     day 20412
///     HEX
package struct LogLeaf: Hashable, Sendable {
    package static let bytesLimit = 320

    package enum Kind: String, Sendable, CaseIterable {
        /// The keys of a week or of a day (`KeyTable`).
        case week, day
        /// The orders of a slice (`OrdersSeal`), before anybody knows in which order they will be carried out.
        case orders
        /// What a slice came to (`EpochReport`).
        case report
        /// The chain from which a witness reveals a value each slice (`BeaconChain`). Its number is the first slice.
        case chain
    }

    package enum Failure: Error { case malformed }

    package let origin: String
    package let kind: Kind
    /// Of the week, day or slice; not negative.
    package let number: Int64
    package let digest: [UInt8]

    package init(origin: String, kind: Kind, number: Int64, digest: [UInt8]) {
        precondition(digest.count == 32 && number >= 0)
        (self.origin, self.kind, self.number, self.digest) = (origin, kind, number, digest)
    }

    /// Of what was published.
    package init(origin: String, kind: Kind, number: Int64, body: [UInt8]) { self.init(origin: origin, kind: kind, number: number, digest: Digest.sha256(body)) }

    package var bytes: [UInt8] { Array("dust-leaf 1\nmarket \(origin)\n\(kind.rawValue) \(number)\n\(Hex.lower(digest))\n".utf8) }
    package var hash: [UInt8] { MerkleTree.leaf(bytes) }

    /// The one encoding of an entry, and nothing else.
    package init(_ bytes: [UInt8]) throws(Failure) {
        guard bytes.count <= Self.bytesLimit, let text = String(validating: bytes, as: UTF8.self) else { throw .malformed }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count == 5, lines[1].hasPrefix("market ") else { throw .malformed }
        let words = lines[2].split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 2, let kind = Kind(rawValue: String(words[0])), let number = Int64(words[1]), (0...Self.numberLimit).contains(number),
            let digest = Hex.decode(lines[3]), digest.count == 32
        else { throw .malformed }
        self.init(origin: String(lines[1].dropFirst(7)), kind: kind, number: number, digest: digest)
        guard self.bytes == bytes else { throw .malformed }
    }

    /// With which no slice's or day's arithmetic overflows.
    package static let numberLimit: Int64 = 1 << 40
}

/// Something that was published, with all that shows that everybody is shown the same: the first checkpoint with it that enough witnesses
/// signed, and its way up the tree.
package struct LoggedDocument: Hashable, Sendable {
    package static let proofLimit = 63
    package static let bodyLimitBytes = 4 << 20

    package enum Failure: Error { case malformed }

    package let kind: LogLeaf.Kind
    package let number: Int64
    /// Which entry of the log it is.
    package let index: Int
    package let checkpoint: Checkpoint
    package let proof: [[UInt8]]
    package let body: [UInt8]

    package init(kind: LogLeaf.Kind, number: Int64, index: Int, checkpoint: Checkpoint, proof: [[UInt8]], body: [UInt8]) {
        (self.kind, self.number, self.index, self.checkpoint, self.proof, self.body) = (kind, number, index, checkpoint, proof, body)
    }

    /// When enough witnesses had seen it in the log, in seconds since 1970; `nil` unless it is there.
    package func loggedAt(_ trust: LogTrust) -> Int64? {
        let leaf = LogLeaf(origin: trust.origin, kind: kind, number: number, body: body)
        guard let seconds = trust.acceptance(checkpoint),
            MerkleTree.isIncluded(leaf.hash, at: index, size: checkpoint.size, proof: proof, root: checkpoint.root)
        else { return nil }
        return seconds
    }

    package var bytes: [UInt8] {
        var writer = ByteWriter(capacity: body.count + 1024)
        let note = Array(checkpoint.text.utf8)
        writer.append("dust-logged-1\n\(kind.rawValue) \(number) \(index)\n")
        writer.u32(UInt32(note.count))
        writer.append(note)
        writer.u8(UInt8(proof.count))
        for hash in proof { writer.append(hash) }
        writer.u32(UInt32(body.count))
        writer.append(body)
        return writer.bytes
    }

    package init(_ bytes: [UInt8]) throws(Failure) {
        do {
            var reader = ByteReader(bytes)
            guard String(decoding: try reader.bytes(until: 0x0A), as: UTF8.self) == "dust-logged-1" else { throw Failure.malformed }
            let words = String(decoding: try reader.bytes(until: 0x0A), as: UTF8.self).split(separator: " ", omittingEmptySubsequences: false)
            guard words.count == 3, let kind = LogLeaf.Kind(rawValue: String(words[0])), let number = Int64(words[1]), (0...LogLeaf.numberLimit).contains(number),
                let index = Int(words[2]), index >= 0
            else { throw Failure.malformed }
            let noteBytes = Int(try reader.u32())
            guard noteBytes <= Checkpoint.bytesLimit, let note = String(validating: try reader.slice(noteBytes), as: UTF8.self) else { throw Failure.malformed }
            let count = Int(try reader.u8())
            guard count <= Self.proofLimit else { throw Failure.malformed }
            var proof: [[UInt8]] = []
            for _ in 0..<count { proof.append(try reader.bytes(32)) }
            let bodyBytes = Int(try reader.u32())
            guard bodyBytes <= Self.bodyLimitBytes else { throw Failure.malformed }
            self.init(kind: kind, number: number, index: index, checkpoint: try Checkpoint(note), proof: proof, body: try reader.bytes(bodyBytes))
            guard reader.isAtEnd, self.bytes == bytes else { throw Failure.malformed }
        } catch { throw .malformed }
    }
}
