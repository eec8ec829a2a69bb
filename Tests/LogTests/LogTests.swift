import Exchange
import Sealing
import Testing

@Suite("The log")
struct LogTests {
    private let leaves = (0..<70).map { MerkleTree.leaf([UInt8($0)]) }

    @Test("every leaf's inclusion is shown in trees of every size, and of no other leaf, place or root")
    func inclusion() throws {
        for size in 1...leaves.count {
            let tree = leaves.prefix(size), root = MerkleTree.root(tree)
            for index in 0..<size {
                let proof = try #require(MerkleTree.inclusion(of: index, in: tree))
                #expect(MerkleTree.isIncluded(leaves[index], at: index, size: size, proof: proof, root: root))
                #expect(!MerkleTree.isIncluded(leaves[index], at: index + 1, size: size, proof: proof, root: root))
                #expect(!MerkleTree.isIncluded(MerkleTree.leaf([255]), at: index, size: size, proof: proof, root: root))
                if !proof.isEmpty { #expect(!MerkleTree.isIncluded(leaves[index], at: index, size: size, proof: proof.dropLast(), root: root)) }
            }
            #expect(MerkleTree.inclusion(of: size, in: tree) == nil)
        }
    }

    @Test("growth is shown between all sizes, and a changed, shortened or reordered past is not")
    func consistency() throws {
        for size in 1...leaves.count {
            let tree = leaves.prefix(size), root = MerkleTree.root(tree)
            for old in 1...size {
                let proof = try #require(MerkleTree.consistency(from: old, in: tree)), oldRoot = MerkleTree.root(leaves.prefix(old))
                #expect(MerkleTree.isConsistent(old, oldRoot, size, root, proof: proof))
                var other = Array(leaves.prefix(old))
                other[old / 2] = MerkleTree.leaf([200])
                #expect(!MerkleTree.isConsistent(old, MerkleTree.root(other), size, root, proof: proof))
                if old < size { #expect(!MerkleTree.isConsistent(old + 1, oldRoot, size, root, proof: proof)) }
            }
            #expect(MerkleTree.consistency(from: size + 1, in: tree) == nil && MerkleTree.consistency(from: 0, in: tree) == nil)
        }
    }

    @Test("the root of no leaves and of one are RFC 9162's")
    func small() {
        #expect(MerkleTree.root([[UInt8]]()) == Digest.sha256([UInt8]()))
        #expect(MerkleTree.root([leaves[0]]) == leaves[0])
    }

    @Test("a checkpoint is believed with the log's signature and two of three witnesses', and not with less or with others")
    func witnesses() throws {
        let log = Ed25519Key(), keys = ["w/1": Ed25519Key(), "w/2": Ed25519Key(), "w/3": Ed25519Key()]
        let trust = LogTrust(origin: "dust.example/market", key: log.publicKey, witnesses: keys.mapValues(\.publicKey))
        var checkpoint = Checkpoint(origin: "dust.example/market", size: 70, root: MerkleTree.root(leaves))
        checkpoint.sign(log)
        #expect(!trust.accepts(checkpoint))
        checkpoint.cosign("w/1", keys["w/1"]!, secondsSinceEpoch: 1_700_000_000)
        checkpoint.cosign("w/1", keys["w/1"]!, secondsSinceEpoch: 1_700_000_001)
        checkpoint.cosign("w/2", Ed25519Key(), secondsSinceEpoch: 1_700_000_000)
        #expect(!trust.accepts(checkpoint))
        checkpoint.cosign("w/3", keys["w/3"]!, secondsSinceEpoch: 1_700_000_000)
        #expect(trust.accepts(checkpoint))
        let read = try Checkpoint(checkpoint.text)
        #expect(read == checkpoint && trust.accepts(read))
        var other = Checkpoint(origin: "dust.example/market", size: 71, root: checkpoint.root)
        other.sign(log)
        #expect(!trust.accepts(other))
        let unsigned = try Checkpoint(checkpoint.body + "\n" + checkpoint.text.split(separator: "\n", omittingEmptySubsequences: false)[5...].joined(separator: "\n"))
        #expect(!trust.accepts(unsigned))
    }

    @Test("text that is no checkpoint is refused")
    func malformed() {
        let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
        for text in ["", "\n", "a\n1\n\(root)\n\n", "a\n01\n\(root)\n\n— a AAAA\n", "a\n-1\n\(root)\n\n— a AAAA\n", "a\n1\nAAAA\n\n— a AAAA\n", String(repeating: "a\n", count: 3000)] {
            #expect(throws: Checkpoint.Failure.self) { try Checkpoint(text) }
        }
    }
}
