internal import Bytes

/// A piece of a log as it is fetched (C2SP's tlog-tiles): up to 256 digests that lie beside each other, or the entries below them. Whoever
/// has tiles makes all proofs alone, so nobody is told which entry is of interest.
package struct Tile: Hashable, Sendable {
    package static let fullWidth = 256
    private static let indexLimit = TransparencyLog.entriesLimit

    package enum Kind: Hashable, Sendable {
        /// At level 0 of entries, at each further one of 256 of the level below.
        case hashes(level: Int)
        case entries
    }

    package let kind: Kind
    package let index: Int
    /// 256 unless it is the last one.
    package let width: Int

    package init(_ kind: Kind, index: Int, width: Int = Tile.fullWidth) {
        precondition((1...Self.fullWidth).contains(width) && index >= 0)
        (self.kind, self.index, self.width) = (kind, index, width)
    }

    /// Below the log's address: `tile/0/x001/x234/067.p/12`.
    package var path: String {
        var rest = index, groups: [String] = []
        repeat {
            let digits = String(rest % 1000)
            groups.insert((groups.isEmpty ? "" : "x") + String(repeating: "0", count: 3 - digits.count) + digits, at: 0)
            rest /= 1000
        } while rest > 0
        let level = if case .hashes(let level) = kind { String(level) } else { "entries" }
        return "tile/\(level)/\(groups.joined(separator: "/"))" + (width < Self.fullWidth ? ".p/\(width)" : "")
    }

    /// `nil` for anything but the one path of a tile.
    package init?(path: some StringProtocol) {
        let pieces: [Substring] = Substring(path).split(separator: "/", omittingEmptySubsequences: false)
        var parts = pieces.map(String.init)[...]
        guard path.utf8.count <= 64, parts.popFirst() == "tile", let name = parts.popFirst() else { return nil }
        let kind: Kind? = name == "entries" ? .entries : Int(name).flatMap { (0...63).contains($0) ? .hashes(level: $0) : nil }
        var width = Self.fullWidth
        if let last = parts.last, parts.count >= 2, parts[parts.endIndex - 2].hasSuffix(".p") {
            guard let number = Int(last), (1..<Self.fullWidth).contains(number) else { return nil }
            width = number
            parts.removeLast()
            parts[parts.endIndex - 1].removeLast(2)
        }
        guard let kind, let index = Int(parts.map { $0.hasPrefix("x") ? String($0.dropFirst()) : $0 }.joined()), (0..<Self.indexLimit).contains(index) else { return nil }
        self.init(kind, index: index, width: width)
        guard self.path == path else { return nil }
    }

    // MARK: entries

    /// Entries as a tile has them.
    package static func encode(_ entries: some Collection<[UInt8]>) -> [UInt8] {
        var writer = ByteWriter(capacity: 64 << 10)
        for entry in entries {
            writer.u16(UInt16(entry.count))
            writer.append(entry)
        }
        return writer.bytes
    }

    /// `nil` unless these are exactly so many entries.
    package static func entries(_ bytes: [UInt8], count: Int) -> [[UInt8]]? {
        var reader = ByteReader(bytes), entries: [[UInt8]] = []
        for _ in 0..<count {
            guard let length = try? reader.u16(), let entry = try? reader.bytes(Int(length)) else { return nil }
            entries.append(entry)
        }
        return reader.isAtEnd ? entries : nil
    }

    /// All tiles of entries from one on, in a tree of that size.
    package static func entries(from first: Int, size: Int) -> [Tile] {
        guard first < size else { return [] }
        return (first / fullWidth...(size - 1) / fullWidth).map { Tile(.entries, index: $0, width: min(fullWidth, size - $0 * fullWidth)) }
    }
}

/// Proofs out of tiles: which are needed, and what follows from them. A proof from wrong tiles proves nothing, so they need no checks.
package struct TileProofs {
    struct Missing: Error {}

    private let size: Int
    private let tiles: [Tile: [UInt8]]

    /// In the tree of that size.
    package init(size: Int, tiles: [Tile: [UInt8]]) { (self.size, self.tiles) = (size, tiles) }

    package static func tiles(inclusionOf index: Int, size: Int) -> Set<Tile> { needed(size) { MerkleTree.inclusion(of: index, size: size, $0) } }
    package static func tiles(consistencyFrom old: Int, to size: Int) -> Set<Tile> { needed(size) { MerkleTree.consistency(from: old, to: size, $0) } }

    /// `nil` when a tile is missing.
    package func inclusion(of index: Int) -> [[UInt8]]? { (try? MerkleTree.inclusion(of: index, size: size, subtree)) ?? nil }
    package func consistency(from old: Int) -> [[UInt8]]? { old == 0 ? [] : (try? MerkleTree.consistency(from: old, to: size, subtree)) ?? nil }

    private static func needed(_ size: Int, _ proof: (MerkleTree.Node<Never>) -> [[UInt8]]?) -> Set<Tile> {
        var tiles: Set<Tile> = []
        _ = proof { height, index in
            tiles.insert(place(height, index, size).tile)
            return [UInt8](repeating: 0, count: 32)
        }
        return tiles
    }

    /// Where a subtree's digest, or those that it is made of, are.
    static func place(_ height: Int, _ index: Int, _ size: Int) -> (tile: Tile, hashes: Range<Int>) {
        let level = height / 8, first = index << (height % 8), tile = first / Tile.fullWidth
        let width = min(Tile.fullWidth, (size >> (8 * level)) - tile * Tile.fullWidth), start = first - tile * Tile.fullWidth
        return (Tile(.hashes(level: level), index: tile, width: max(1, width)), start..<start + 1 << (height % 8))
    }

    func subtree(_ height: Int, _ index: Int) throws(Missing) -> [UInt8] {
        let (tile, hashes) = Self.place(height, index, size)
        guard let bytes = tiles[tile], bytes.count >= 32 * hashes.upperBound else { throw Missing() }
        return MerkleTree.root(hashes.map { Array(bytes[32 * $0..<32 * $0 + 32]) })
    }
}
