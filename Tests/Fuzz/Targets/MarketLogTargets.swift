import Exchange
import Sealing

extension FuzzTarget {
    private static let log = "Cores/Exchange/Log/"
    private static let keys = (UInt8(1)...4).map { Ed25519Key(seed: [UInt8](repeating: $0, count: 32)) }
    private static let trust = LogTrust(
        origin: "dust.example/market", key: keys[0].publicKey, witnesses: ["w1": keys[1].publicKey, "w2": keys[2].publicKey, "w3": keys[3].publicKey])

    /// What an exchange, its log and its witnesses say to each other, to wallets and to auditors.
    static let marketLog = [
        FuzzTarget("market-terms", [log + "MarketTerms.swift"]) { checkStable($0) { Array(try MarketTerms(String(decoding: $0, as: UTF8.self)).text.utf8) } },
        FuzzTarget("market-checkpoint", [log + "Checkpoint.swift", log + "AddCheckpoint.swift"]) { bytes in
            guard let text = String(validating: bytes, as: UTF8.self) else { return }
            if let checkpoint = try? Checkpoint(text) {
                _ = trust.acceptance(checkpoint)
                checkSame(bytes, Array(checkpoint.text.utf8))
                var grown = checkpoint
                grown.add(signatures: "— w1 AAAAAAA=\n")
                precondition((try? Checkpoint(grown.text)) == grown, "refuses what it wrote itself")
            }
            if let request = try? AddCheckpoint(text) {
                _ = try? WitnessedLog(origin: trust.origin, key: trust.key).adding(request)
                checkSame(bytes, Array(request.text.utf8))
            }
        },
        FuzzTarget("market-leaf", [log + "LogLeaf.swift", log + "MerkleTree.swift"]) { bytes in
            if let leaf = try? LogLeaf(bytes) { checkSame(bytes, leaf.bytes) }
            if let document = try? LoggedDocument(bytes) {
                _ = document.loggedAt(trust)
                _ = MerkleTree.isIncluded(document.proof.first ?? [], at: document.index, size: document.checkpoint.size, proof: document.proof, root: document.checkpoint.root)
                checkSame(bytes, document.bytes)
            }
        },
        FuzzTarget("market-keys", [log + "KeyTable.swift"]) { bytes in
            if let table = try? KeyTable(bytes) { checkSame(bytes, table.bytes) }
        },
        FuzzTarget("market-beacon", [log + "Reveal.swift", log + "BeaconChain.swift"]) { bytes in
            if let seal = try? OrdersSeal(bytes) { checkSame(bytes, seal.bytes) }
            if let reveal = Reveal(bytes) { checkSame(bytes, reveal.bytes) }
            if let chain = try? BeaconChain(bytes) {
                _ = (chain.slices, chain.isSigned(by: keys[1].publicKey))
                checkSame(bytes, chain.bytes)
            }
            if let record = try? BeaconRecord(bytes) {
                var chains = ChainBook(trust)
                _ = (record.value, try? record.check(trust, &chains))
                checkSame(bytes, record.bytes)
            }
        },
        FuzzTarget("market-verdicts", [log + "Verdict.swift"]) { bytes in
            guard let verdicts = Verdict.decode(bytes) else { return }
            checkSame(bytes, Verdict.encode(verdicts))
            if let first = verdicts.first { _ = Verdict.certificate(verdicts, on: first.mote, at: first.slice, trust) }
        },
        FuzzTarget("market-report", [log + "EpochReport.swift"]) { bytes in
            if let report = try? EpochReport(bytes) { checkSame(bytes, report.bytes) }
        },
        FuzzTarget("market-tile", [log + "Tile.swift"]) { bytes in
            let path = String(decoding: bytes, as: UTF8.self)
            if let tile = Tile(path: path) { checkSame(Array(path.utf8), Array(tile.path.utf8)) }
            // The first byte is how many entries are expected.
            guard let count = bytes.first, let entries = Tile.entries(Array(bytes.dropFirst()), count: Int(count)) else { return }
            precondition(entries.count == Int(count))
            checkSame(Array(bytes.dropFirst()), Tile.encode(entries))
        },
    ]
}

/// What is logged and signed has one encoding: two would be two digests of one thing.
private func checkSame(_ bytes: [UInt8], _ again: [UInt8]) { precondition(bytes == again, "has two encodings") }
