import Exchange
import Sealing
import Testing

/// A log, its exchange's keys and three witnesses.
final class LogWorld {
    let origin = "dust.example/market"
    let logKey = Ed25519Key()
    let witnesses = ["w1", "w2", "w3"].map { (name: $0, key: Ed25519Key()) }
    let issuer = Issuer(seed: .random(32), cashier: Ed25519Key().publicKey)!
    let terms: MarketTerms
    /// 900 s long, from 1970.
    let now = Slice(20_412 * Slice.perDay + 40)
    var entries: [[UInt8]] = []

    init() throws {
        terms = try MarketTerms(
            origin: origin, address: "127.0.0.1:9080", logKey: logKey.publicKey, sealKey: Curve25519Key().publicKey, cashierKey: Ed25519Key().publicKey, time: .usual,
            witnesses: witnesses.enumerated().map { .init(name: $1.name, key: $1.key.publicKey, address: "127.0.0.1:\(9081 + $0)") },
            buckets: [.init(number: 0, region: "europe", group: "first"), .init(number: 1, region: "asia", group: "first"), .init(number: 2, region: "asia", group: "second")],
            // So few motes as tests have.
            trials: [.leastFleet: 1, .leastPermits: 2])
    }

    func checkpoint(_ names: Set<String> = ["w1", "w2", "w3"], at slice: Slice) -> Checkpoint {
        var checkpoint = Checkpoint(origin: origin, size: entries.count, root: MerkleTree.root(entries.map { MerkleTree.leaf($0) }))
        checkpoint.sign(logKey)
        for witness in witnesses where names.contains(witness.name) {
            checkpoint.cosign(witness.name, witness.key, secondsSinceEpoch: UInt64(terms.time.start(of: slice)))
        }
        return checkpoint
    }

    /// Logs something among other things, cosigned by those.
    func publish(_ kind: LogLeaf.Kind, _ number: Int64, _ body: [UInt8], at slice: Slice, by names: Set<String> = ["w1", "w2", "w3"]) throws -> LoggedDocument {
        entries.append(LogLeaf(origin: origin, kind: .report, number: Int64(entries.count), body: []).bytes)
        entries.append(LogLeaf(origin: origin, kind: kind, number: number, body: body).bytes)
        entries.append(LogLeaf(origin: origin, kind: .report, number: Int64(entries.count), body: []).bytes)
        let index = entries.count - 2, proof = try #require(MerkleTree.inclusion(of: index, in: entries.map { MerkleTree.leaf($0) }[...]))
        return LoggedDocument(kind: kind, number: number, index: index, checkpoint: checkpoint(names, at: slice), proof: proof, body: body)
    }

    func publish(_ table: KeyTable, at slice: Slice, by names: Set<String> = ["w1", "w2", "w3"]) throws -> LoggedDocument {
        try publish(table.span.kind, table.span.number, table.bytes, at: slice, by: names)
    }

    /// A week's keys of a fresh exchange.
    static func week(_ week: Int64) -> KeyTable {
        let issuer = Issuer(seed: .random(32), cashier: Ed25519Key().publicKey)!
        for denomination in Denomination.allCases { issuer.open(.credit(denomination, week: week)) }
        return issuer.table(week: week)!
    }
}
