import Ambience
import Compression
import Directory
import Voting

extension FuzzTarget {
    private static let folder = "Cores/Directory/"
    private static let now = WallTime(secondsSinceEpoch: 1_770_000_000)

    /// Directory documents.
    static let documents = [
        FuzzTarget("descriptor", ["RouterDescriptorParsing", "DescriptorRefusal", "DescriptorKeys", "NetDocument", "DocumentItems", "ItemGroup", "RelaySignatures"].map { folder + $0 + ".swift" }) {
            guard let descriptor = try? RouterDescriptor($0) else { return }
            _ = descriptor.refusal(at: now, demands: .init())
            _ = Microdescriptor.make(from: descriptor, method: 35)
        },
        FuzzTarget("extra-info", ["ExtraInfoParsing", "NetDocument", "RelaySignatures"].map { folder + $0 + ".swift" }) { _ = try? ExtraInfo($0) },
        FuzzTarget("microdescriptor", ["MicrodescriptorParsing", "NetDocument"].map { folder + $0 + ".swift" }) { _ = try? Microdescriptor($0) },
        FuzzTarget("consensus", ["ConsensusParsing", "ConsensusEntryParsing", "Consensus", "NetDocument"].map { folder + $0 + ".swift" }) {
            guard let consensus = try? Consensus($0) else { return }
            _ = consensus.verify(certificates: [], authorities: [], now: now)
            _ = consensus.param("circwindow", default: 1000)
        },
        FuzzTarget("key-certificate", [folder + "KeyCertificateParsing.swift"]) { _ = try? KeyCertificate($0) },
        FuzzTarget("bundle", [folder + "DocumentBundle.swift"]) {
            for document in DocumentBundle.relayDocuments($0) { precondition(document.count <= $0.count, "a part is longer than the whole") }
            _ = DocumentBundle.microdescriptors($0)
            _ = DocumentBundle.certificates($0)
        },
        FuzzTarget("vote", ["Cores/Voting/VoteParser.swift", "Cores/Voting/Vote.swift", "Cores/Voting/VoteEntry.swift"]) { _ = try? SignedVote($0) },
        FuzzTarget("detached-signatures", ["Cores/Voting/DetachedSignatures.swift"]) { checkStable($0) { try DetachedSignatures($0).text } },
        FuzzTarget("consensus-diff", [folder + "ConsensusDiff.swift"]) { bytes in
            // The first half is the document, the second the changes; a target that matches its digest cannot be guessed.
            let middle = bytes.count / 2
            _ = try? ConsensusDiff.apply(Array(bytes[middle...]), to: Array(bytes[..<middle]))
        },
        FuzzTarget("consensus-diff-edits", [folder + "ConsensusDiff.swift"]) { changes in
            let (old, new) = DiffFixture.documents
            guard let diff = ConsensusDiff.make(from: old, to: new) else { preconditionFailure("no diff between two consensuses") }
            let edited = Edits(changes).apply(to: diff)
            if let made = try? ConsensusDiff.apply(edited, to: old) { precondition(made == new, "makes a document that nobody signed") }
        },
        FuzzTarget("unpack", ["Basics/Compression/Unpacker.swift"]) { bytes in
            guard let kind = bytes.first else { return }
            let coding = ContentCoding.allCases[Int(kind) % ContentCoding.allCases.count]
            guard let out = try? coding.unpack(Array(bytes.dropFirst()), limitBytes: 1 << 20) else { return }
            precondition(out.count <= 1 << 20, "unpacks beyond its limit")
        },
    ]
}

/// Two small consensuses of one network.
enum DiffFixture {
    static let documents = (text(["alpha", "bravo", "delta"], hour: 10), text(["alpha", "carol", "delta", "echo"], hour: 11))

    private static func text(_ relays: [String], hour: Int) -> [UInt8] {
        let entries = relays.map { "r \($0) \(String(repeating: $0.first!, count: 27)) 2038-01-01 00:00:00 127.0.0.1 9001 0\ns Running Valid\n" }
        let head = "network-status-version 3 microdesc\nvote-status consensus\nvalid-after 2026-01-01 \(hour):00:00\n"
        let foot = "directory-footer\ndirectory-signature sha256 \(String(repeating: "A", count: 40)) \(String(repeating: "B", count: 40))\n"
        return Array((head + entries.joined() + foot + "-----BEGIN SIGNATURE-----\nAAAA\n-----END SIGNATURE-----\n").utf8)
    }
}
