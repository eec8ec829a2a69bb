internal import Sealing

/// The tree of a transparency log and its proofs (RFC 9162, section 2.1, with SHA-256).
package enum MerkleTree {
    package static func leaf(_ data: [UInt8]) -> [UInt8] { Digest.sha256([0] + data) }
    private static func node(_ a: [UInt8], _ b: [UInt8]) -> [UInt8] { Digest.sha256([1] + a + b) }

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

    /// The largest power of two below a number above 1.
    private static func split(_ count: Int) -> Int { 1 << (Int.bitWidth - 1 - (count - 1).leadingZeroBitCount) }

    /// What shows that a leaf is in the tree; `nil` when there is no such leaf.
    package static func inclusion(of index: Int, in leaves: ArraySlice<[UInt8]>) -> [[UInt8]]? {
        guard (0..<leaves.count).contains(index) else { return nil }
        guard leaves.count > 1 else { return [] }
        let middle = split(leaves.count), (left, right) = (leaves.prefix(middle), leaves.dropFirst(middle))
        return index < middle ? inclusion(of: index, in: left)! + [root(right)] : inclusion(of: index - middle, in: right)! + [root(left)]
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

    /// What shows that a tree of the first `size` leaves only grew; `nil` for a size that it never had.
    package static func consistency(from size: Int, in leaves: ArraySlice<[UInt8]>) -> [[UInt8]]? {
        guard (1...max(1, leaves.count)).contains(size), size <= leaves.count else { return nil }
        return subproof(size, leaves, isWhole: true)
    }

    private static func subproof(_ size: Int, _ leaves: ArraySlice<[UInt8]>, isWhole: Bool) -> [[UInt8]] {
        guard size < leaves.count else { return isWhole ? [] : [root(leaves)] }
        let middle = split(leaves.count), (left, right) = (leaves.prefix(middle), leaves.dropFirst(middle))
        return size <= middle ? subproof(size, left, isWhole: isWhole) + [root(right)] : subproof(size - middle, right, isWhole: false) + [root(left)]
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
