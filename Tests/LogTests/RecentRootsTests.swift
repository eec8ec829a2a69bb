import Exchange
import Sealing
import Testing

@Suite("A log's roots of late")
struct RecentRootsTests {
    private static let leaves = (0..<3000).map { MerkleTree.leaf(Array("entry \($0)".utf8)) }
    private static let log = TransparencyLog(leaves)

    private func checkpoint(_ size: Int) -> Checkpoint { Checkpoint(origin: "test/log", size: size, root: Self.log.root(of: size)!) }

    private func tiles(_ size: Int) throws -> [Tile: [UInt8]] {
        try Dictionary(uniqueKeysWithValues: RecentRoots.tiles(size).map { ($0, try #require(Self.log.tile($0))) })
    }

    @Test("are those that the log had, made of a few tiles, at every size", arguments: [0, 1, 2, 255, 256, 257, 1023, 1024, 1025, 1280, 1281, 2560, 3000])
    func same(size: Int) throws {
        let tiles = try tiles(size), recent = try #require(RecentRoots(checkpoint(size), tiles: tiles))
        #expect(tiles.count <= 7)
        for old in max(0, size - RecentRoots.reach)...size { #expect(recent.contains(Self.log.root(of: old)!), "\(old)") }
        for old in [0, 100, 700, size + 1] where old < size - RecentRoots.reach - Tile.fullWidth || (old > size && old <= 3000) {
            #expect(!recent.contains(Self.log.root(of: old)!), "\(old)")
            if old < size { #expect(recent.agree(with: checkpoint(old)), "nothing can be said of it") }
        }
        let other = Checkpoint(origin: "test/log", size: max(1, size), root: Digest.sha256([1]))
        #expect(!recent.contains(other.root) && !recent.agree(with: other))
    }

    @Test("are none when a tile is missing, cut short or of another log", arguments: [257, 3000])
    func damaged(size: Int) throws {
        let tiles = try tiles(size)
        for tile in tiles.keys {
            var missing = tiles, short = tiles, bent = tiles
            missing[tile] = nil
            short[tile] = Array(tiles[tile]!.prefix(16))
            bent[tile]![0] ^= 1
            for wrong in [missing, short, bent] { #expect(RecentRoots(checkpoint(size), tiles: wrong) == nil) }
        }
    }
}
