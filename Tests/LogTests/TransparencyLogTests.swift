import Exchange
import Sealing
import Testing

@Suite("A log that is served in tiles")
struct TransparencyLogTests {
    private static let leaves = (0..<600).map { MerkleTree.leaf(Array("entry \($0)".utf8)) }
    private static let log = TransparencyLog(leaves)
    /// Around the borders of tiles and subtrees.
    private static let sizes = [1, 2, 3, 7, 8, 9, 255, 256, 257, 511, 512, 513, 600]

    @Test("has the same roots and proofs as the tree of its entries, at every size that it had")
    func sameTree() throws {
        for size in Self.sizes {
            let root = MerkleTree.root(Self.leaves.prefix(size))
            #expect(Self.log.root(of: size) == root)
            for index in Set([0, 1, size / 2, size - 1]) where index < size {
                let proof = try #require(Self.log.inclusion(of: index, size: size))
                #expect(MerkleTree.isIncluded(Self.leaves[index], at: index, size: size, proof: proof, root: root))
            }
            for old in Self.sizes where old <= size {
                let proof = try #require(Self.log.consistency(from: old, to: size))
                #expect(MerkleTree.isConsistent(old, Self.log.root(of: old)!, size, root, proof: proof))
            }
        }
        #expect(TransparencyLog().root == Digest.sha256([UInt8]()))
        #expect(Self.log.root(of: 601) == nil && Self.log.inclusion(of: 600, size: 600) == nil && Self.log.consistency(from: 4, to: 3) == nil)
    }

    @Test("proofs out of fetched tiles are the log's own, and a missing tile makes none")
    func proofs() throws {
        for size in Self.sizes {
            for other in Self.sizes where other <= size {
                let wanted = TileProofs.tiles(consistencyFrom: other, to: size)
                let tiles = try Dictionary(uniqueKeysWithValues: wanted.map { ($0, try #require(Self.log.tile($0))) })
                #expect(TileProofs(size: size, tiles: tiles).consistency(from: other) == Self.log.consistency(from: other, to: size))
                let inner = TileProofs.tiles(inclusionOf: other - 1, size: size)
                let found = try Dictionary(uniqueKeysWithValues: inner.map { ($0, try #require(Self.log.tile($0))) })
                #expect(TileProofs(size: size, tiles: found).inclusion(of: other - 1) == Self.log.inclusion(of: other - 1, size: size))
                if let one = inner.first { #expect(TileProofs(size: size, tiles: found.filter { $0.key != one }).inclusion(of: other - 1) == nil) }
            }
        }
    }

    @Test("tiles are the ones that the specification counts for a tree of 70,000")
    func counts() {
        let log = TransparencyLog((0..<70_000).map { _ in [UInt8](repeating: 7, count: 32) })
        #expect(log.tile(Tile(.hashes(level: 0), index: 272)) != nil && log.tile(Tile(.hashes(level: 0), index: 273)) == nil)
        #expect(log.tile(Tile(.hashes(level: 0), index: 273, width: 112))?.count == 112 * 32 && log.tile(Tile(.hashes(level: 0), index: 273, width: 113)) == nil)
        #expect(log.tile(Tile(.hashes(level: 1), index: 0)) != nil && log.tile(Tile(.hashes(level: 1), index: 1, width: 17)) != nil)
        #expect(log.tile(Tile(.hashes(level: 1), index: 1, width: 18)) == nil && log.tile(Tile(.hashes(level: 2), index: 0, width: 1)) != nil)
        #expect(log.tile(Tile(.hashes(level: 2), index: 0, width: 2)) == nil && log.tile(Tile(.hashes(level: 63), index: 0, width: 1)) == nil)
        #expect(Tile.entries(from: 69_800, size: 70_000).map(\.path) == ["tile/entries/272", "tile/entries/273.p/112"])
    }

    @Test("a tile has one path, the specification's")
    func paths() {
        #expect(Tile(.hashes(level: 0), index: 1_234_067).path == "tile/0/x001/x234/067")
        #expect(Tile(.entries, index: 5, width: 12).path == "tile/entries/005.p/12")
        for index in [0, 5, 999, 1000, 1_234_067] {
            for width in [1, 255, 256] {
                let tile = Tile(.hashes(level: 3), index: index, width: width)
                #expect(Tile(path: tile.path) == tile)
            }
        }
        for wrong in [
            "", "tile", "tile/0", "tile/0/", "tile/0/5", "tile/00/005", "tile/64/005", "tile/-1/005", "tile/0/x005", "tile/0/x000/005", "tile/0/005.p/0", "tile/0/005.p/256",
            "tile/0/005.p/01", "tile/0/005.p", "tile/0/.p/5", "tile/0/005/", "/tile/0/005", "tile/0/x999/x999/x999/x999/x999/999", "tile/data/005", "tile/0/+05",
        ] { #expect(Tile(path: wrong) == nil, "\(wrong)") }
    }

    @Test("bundled entries are read as they were written")
    func bundles() {
        let entries: [[UInt8]] = [[], [1], [UInt8](repeating: 2, count: 65_535)], bytes = Tile.encode(entries)
        #expect(Tile.entries(bytes, count: 3) == entries)
        #expect(Tile.entries(bytes, count: 2) == nil && Tile.entries(bytes, count: 4) == nil && Tile.entries(bytes.dropLast(), count: 3) == nil)
    }
}
