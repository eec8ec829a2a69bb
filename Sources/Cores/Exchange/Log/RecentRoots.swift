/// The roots that a log had of late, made of its tiles: what motes say that they saw is held against the log that somebody sees himself.
///
/// All of them come of the same digests, and the newest is signed. So whoever hands out other tiles to show other roots must find a collision.
package struct RecentRoots: Sendable {
    /// Entries back from the newest at least, unless the log has fewer: four days of an exchange's.
    package static let reach = 1024
    /// Entries back that the root in an offer may be from when it is listed. The rest is for the time in which the mote is sold.
    package static let reachWhenListed = 640

    private let roots: Set<[UInt8]>
    private let oldest: Int

    package func contains(_ root: [UInt8]) -> Bool { roots.contains(root) }

    /// Whether it is not one of another log. Of those that are older than these roots nothing can be said.
    package func agree(with checkpoint: Checkpoint) -> Bool { checkpoint.size < oldest || contains(checkpoint.root) }

    private static func start(_ size: Int) -> Int { max(0, size - reach) / Tile.fullWidth * Tile.fullWidth }

    /// What must be fetched.
    package static func tiles(_ size: Int) -> Set<Tile> {
        let older = subtrees(size).map { TileProofs.place($0.height, $0.index, size).tile }
        let entries = stride(from: start(size), to: size, by: Tile.fullWidth).map { Tile(.hashes(level: 0), index: $0 / Tile.fullWidth, width: min(Tile.fullWidth, size - $0)) }
        return Set(older + entries)
    }

    /// Complete ones of all that is before the start, the largest first.
    private static func subtrees(_ size: Int) -> [(height: Int, index: Int)] {
        guard start(size) > 0 else { return [] }
        var found: [(height: Int, index: Int)] = []
        _ = MerkleTree.root(of: 0..<start(size)) { height, index in
            found.append((height, index))
            return []
        }
        return found
    }

    /// `nil` unless that is what the checkpoint is of.
    package init?(_ checkpoint: Checkpoint, tiles: [Tile: [UInt8]]) {
        let size = checkpoint.size, proofs = TileProofs(size: size, tiles: tiles)
        var edge: [(height: Int, digest: [UInt8])] = [], found: Set<[UInt8]> = []
        for (height, index) in Self.subtrees(size) {
            guard let digest = try? proofs.subtree(height, index) else { return nil }
            edge.append((height, digest))
        }
        found.insert(Self.root(edge))
        for index in Self.start(size)..<size {
            guard let leaf = try? proofs.subtree(0, index) else { return nil }
            Self.append(leaf, to: &edge)
            found.insert(Self.root(edge))
        }
        guard Self.root(edge) == checkpoint.root else { return nil }
        (roots, oldest) = (found, Self.start(size))
    }

    private static func append(_ leaf: [UInt8], to edge: inout [(height: Int, digest: [UInt8])]) {
        var (height, digest) = (0, leaf)
        while let last = edge.last, last.height == height {
            (height, digest) = (height + 1, MerkleTree.node(last.digest, digest))
            edge.removeLast()
        }
        edge.append((height, digest))
    }

    private static func root(_ edge: [(height: Int, digest: [UInt8])]) -> [UInt8] {
        guard let last = edge.last else { return MerkleTree.root([[UInt8]]()) }
        return edge.dropLast().reversed().reduce(last.digest) { MerkleTree.node($1.digest, $0) }
    }
}
