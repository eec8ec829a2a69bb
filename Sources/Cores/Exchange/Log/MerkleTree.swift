internal import Sealing

/// The tree of a transparency log and its proofs (RFC 9162, section 2.1, with SHA-256).
package enum MerkleTree {
    package static func leaf(_ data: [UInt8]) -> [UInt8] { Digest.sha256([0] + data) }
    static func node(_ a: [UInt8], _ b: [UInt8]) -> [UInt8] { Digest.sha256([1] + a + b) }

    /// A complete subtree's digest: of the 2^height leaves from index × 2^height on.
    package typealias Node<Failure: Error> = (_ height: Int, _ index: Int) throws(Failure) -> [UInt8]

    /// Of leaves' digests.
    package static func root(_ leaves: some RandomAccessCollection<[UInt8]>) -> [UInt8] {
        switch leaves.count {
        case 0: return Digest.sha256([UInt8]())
        case 1: return leaves.first!
        default:
            let split = leaves.index(leaves.startIndex, offsetBy: split(leaves.count))
            return node(root(leaves[..<split]), root(leaves[split...]))
        }
    }

    /// Of the leaves in a range that is not empty and begins where a subtree of that size may, out of complete subtrees.
    package static func root<E: Error>(of range: Range<Int>, _ subtree: Node<E>) throws(E) -> [UInt8] {
        guard range.count & (range.count - 1) != 0 else {
            let height = range.count.trailingZeroBitCount
            return try subtree(height, range.lowerBound >> height)
        }
        let middle = range.lowerBound + split(range.count)
        return node(try root(of: range.lowerBound..<middle, subtree), try root(of: middle..<range.upperBound, subtree))
    }

    /// The largest power of two below a number above 1.
    private static func split(_ count: Int) -> Int { 1 << (Int.bitWidth - 1 - (count - 1).leadingZeroBitCount) }

    /// What shows that a leaf is in the tree of the first `size`; `nil` when there is no such leaf.
    package static func inclusion<E: Error>(of index: Int, size: Int, _ subtree: Node<E>) throws(E) -> [[UInt8]]? {
        guard (0..<max(0, size)).contains(index) else { return nil }
        var range = 0..<size, proof: [[UInt8]] = []
        while range.count > 1 {
            let middle = range.lowerBound + split(range.count), isLeft = index < middle
            proof.append(try root(of: isLeft ? middle..<range.upperBound : range.lowerBound..<middle, subtree))
            range = isLeft ? range.lowerBound..<middle : middle..<range.upperBound
        }
        return proof.reversed()
    }

    package static func inclusion(of index: Int, in leaves: ArraySlice<[UInt8]>) -> [[UInt8]]? { inclusion(of: index, size: leaves.count, subtrees(of: leaves)) }

    private static func subtrees(of leaves: ArraySlice<[UInt8]>) -> Node<Never> {
        { height, index in root(leaves.dropFirst(index << height).prefix(1 << height)) }
    }

    /// Section 2.1.3.2.
    package static func isIncluded(_ leaf: [UInt8], at index: Int, size: Int, proof: [[UInt8]], root: [UInt8]) -> Bool {
        guard index >= 0, index < size else { return false }
        var (position, last, hash) = (index, size - 1, leaf)
        for sibling in proof {
            guard last > 0 else { return false }
            if position & 1 == 1 || position == last {
                hash = node(sibling, hash)
                while position & 1 == 0, position != 0 { (position, last) = (position >> 1, last >> 1) }
            } else {
                hash = node(hash, sibling)
            }
            (position, last) = (position >> 1, last >> 1)
        }
        return last == 0 && hash == root
    }

    /// What shows that the tree of the first `old` leaves only grew to `size`; `nil` for a size that it never had.
    package static func consistency<E: Error>(from old: Int, to size: Int, _ subtree: Node<E>) throws(E) -> [[UInt8]]? {
        guard old >= 1, old <= size else { return nil }
        var range = 0..<size, isWhole = true, proof: [[UInt8]] = []
        while range.upperBound != old {
            let middle = range.lowerBound + split(range.count), isLeft = old <= middle
            proof.append(try root(of: isLeft ? middle..<range.upperBound : range.lowerBound..<middle, subtree))
            range = isLeft ? range.lowerBound..<middle : middle..<range.upperBound
            isWhole = isWhole && isLeft
        }
        if !isWhole { proof.append(try root(of: range, subtree)) }
        return proof.reversed()
    }

    package static func consistency(from size: Int, in leaves: ArraySlice<[UInt8]>) -> [[UInt8]]? {
        consistency(from: size, to: leaves.count, subtrees(of: leaves))
    }

    /// Section 2.1.4.2.
    package static func isConsistent(_ oldSize: Int, _ oldRoot: [UInt8], _ size: Int, _ root: [UInt8], proof: [[UInt8]]) -> Bool {
        guard oldSize > 0, oldSize <= size else { return false }
        if oldSize == size { return proof.isEmpty && oldRoot == root }
        var path = proof[...]
        if oldSize & (oldSize - 1) == 0 { path = [oldRoot] + path }
        guard let first = path.popFirst() else { return false }
        var (position, last) = (oldSize - 1, size - 1)
        while position & 1 == 1 { (position, last) = (position >> 1, last >> 1) }
        var (old, new) = (first, first)
        for sibling in path {
            guard last > 0 else { return false }
            if position & 1 == 1 || position == last {
                (old, new) = (node(sibling, old), node(sibling, new))
                while position & 1 == 0, position != 0 { (position, last) = (position >> 1, last >> 1) }
            } else {
                new = node(new, sibling)
            }
            (position, last) = (position >> 1, last >> 1)
        }
        return last == 0 && old == oldRoot && new == root
    }
}
