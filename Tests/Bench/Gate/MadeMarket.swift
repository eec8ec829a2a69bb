import Ambience
import Exchange
import Foundation
import MarketHistories
import Sealing

/// What a wallet lays into a mote's folder, of an exchange that nobody runs. Its slices are short: each has only so many shares.
struct MadeMarket {
    static let sliceSeconds: Int64 = 3

    let folder: String
    private static let seed = [UInt8](repeating: 8, count: 32)
    let key = Ed25519Key(seed: seed)
    /// Begins in some seconds.
    let first = Slice(700)
    let time = MarketTime(epoch: Int64(Date().timeIntervalSince1970) - 697 * sliceSeconds, sliceSeconds: sliceSeconds)
    let tokens = AccessTokens(.access(day: 7))

    init(_ folder: String) throws {
        self.folder = folder
        let log = Ed25519Key(), witnesses = (1...3).map { (name: "w\($0)", key: Ed25519Key()) }
        let terms = try MarketTerms(
            origin: "gate.test/market", address: "127.0.0.1:9", logKey: log.publicKey, sealKey: Curve25519Key().publicKey, cashierKey: log.publicKey, time: time,
            witnesses: witnesses.enumerated().map { .init(name: $1.name, key: $1.key.publicKey, address: "127.0.0.1:\($0 + 1)") }, buckets: [.init(number: 0, region: "eu", group: "a")])
        guard let table = KeyTable(.day(7), [tokens.role: TokenPublicKey.encode(tokens.publicKey)]) else { fail("no table of keys") }
        let leaf = LogLeaf(origin: terms.origin, kind: .day, number: 7, body: table.bytes)
        var checkpoint = Checkpoint(origin: terms.origin, size: 1, root: leaf.hash)
        checkpoint.sign(log)
        for witness in witnesses { checkpoint.cosign(witness.name, witness.key, secondsSinceEpoch: UInt64(time.start(of: first - 20))) }
        try Files.makeFolder(folder + "/" + MoteFolder.keys)
        try Files.replace(folder + "/" + MoteFolder.terms, with: terms.text)
        try Files.replace(folder + "/" + MoteFolder.key, with: Self.seed)
        try Files.replace(folder + "/" + MoteFolder.keys + "/day-7", with: LoggedDocument(kind: .day, number: 7, index: 0, checkpoint: checkpoint, proof: [], body: table.bytes).bytes)
        try Files.replace(folder + "/" + MoteFolder.offer, with: MoteOffer(size: .large, bucket: 0, slices: first - 10...first + 50).text)
    }

    func recordsWritten() throws -> Int { SpendRecord.all(in: try Files.read(folder + "/" + MoteFolder.spends)).count }
}
