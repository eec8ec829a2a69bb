/// The tree of a log that only grows, with every complete subtree's digest kept: roots, proofs and tiles of any size it ever had cost a
/// few lookups each.
package struct TransparencyLog: Sendable {
    /// 64 bytes each.
    package static let entriesLimit = 1 << 24

    package private(set) var size = 0
    /// By height: the digests of complete subtrees, 32 bytes each, one after another.
    private var levels: [[UInt8]] = []

    /// Of the digests of the entries that it has already.
    package init(_ hashes: some Sequence<[UInt8]> = [[UInt8]]()) {
        for hash in hashes { append(hash) }
    }

    /// Adds an entry by its digest (`MerkleTree.leaf`) and returns where it is.
    @discardableResult
    package mutating func append(_ hash: [UInt8]) -> Int {
        precondition(hash.count == 32 && size < Self.entriesLimit)
        var height = 0, hash = hash
        while true {
            if levels.count == height { levels.append([]) }
            levels[height] += hash
            // Two that belong together make one of the next height.
            let count = levels[height].count / 32
            guard count % 2 == 0 else { break }
            hash = MerkleTree.node(subtree(height, count - 2), subtree(height, count - 1))
            height += 1
        }
        size += 1
        return size - 1
    }

    private func subtree(_ height: Int, _ index: Int) -> [UInt8] { Array(levels[height][32 * index..<32 * index + 32]) }

    package var root: [UInt8] { root(of: size)! }

    /// `nil` for a size that it never had.
    package func root(of size: Int) -> [UInt8]? {
        guard (0...self.size).contains(size) else { return nil }
        return size == 0 ? MerkleTree.root([[UInt8]]()) : MerkleTree.root(of: 0..<size, subtree)
    }

    /// What shows that an entry is in the tree of that size.
    package func inclusion(of index: Int, size: Int) -> [[UInt8]]? { size <= self.size ? MerkleTree.inclusion(of: index, size: size, subtree) : nil }

    /// What shows that the tree of `old` entries only grew to `size`. From none, nothing needs to be shown.
    package func consistency(from old: Int, to size: Int) -> [[UInt8]]? {
        guard (0...self.size).contains(size) else { return nil }
        return old == 0 ? [] : MerkleTree.consistency(from: old, to: size, subtree)
    }

    /// The digests of a tile; `nil` unless the log has so many, and for tiles of entries, which are not kept here.
    package func tile(_ tile: Tile) -> [UInt8]? {
        guard case .hashes(let level) = tile.kind, let hashes = levels.count > 8 * level ? levels[8 * level] : nil else { return nil }
        let start = tile.index * Tile.fullWidth * 32, end = start + tile.width * 32
        return end <= hashes.count ? Array(hashes[start..<end]) : nil
    }
}
