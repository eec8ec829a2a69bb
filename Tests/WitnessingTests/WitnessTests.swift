import Ambience
import Bytes
import Exchange
import Foundation
import MarketLine
import Sealing
import Synchronization
import Testing
import Witnessing

/// A witness as it runs, with an exchange that is a few lines of this test.
@Suite("A running witness", .serialized)
struct WitnessTests {
    /// What the exchange's side heard, and what it has to show.
    private final class Desk: Sendable {
        let verdicts = Mutex<[Verdict]>([])
        let chains = Mutex<[BeaconChain]>([])
        let offers = Mutex<[[UInt8]]>([])

        func answer(_ request: MarketRequest) -> MarketResponse {
            switch request.path {
            case .cert:
                guard let batch = Verdict.decode(request.body) else { return .badRequest }
                verdicts.withLock { $0 += batch }
            case .chain:
                guard let chain = try? BeaconChain(request.body) else { return .badRequest }
                chains.withLock { $0.append(chain) }
            case .listings: return .bytes(PublishedList.encode(offers.withLock { $0 }))
            default: return .notFound
            }
            return .bytes([0])
        }
    }

    private let folder: String
    private let exchange = Desk()
    private let listener: MarketListener
    private let logKey = Ed25519Key()
    private let terms: MarketTerms
    private let events = Events()

    private final class Events: Sendable {
        let lines = Mutex<[String]>([])
    }

    init() throws {
        folder = "/tmp/witness-\(Hex.lower(SecureRandom.bytes(6)))"
        let exchange = exchange
        listener = try MarketListener(SocketAddress("127.0.0.1:0")!) { exchange.answer($0) }
        let key = try WitnessFolder(folder).key().publicKey
        terms = try MarketTerms(
            origin: "dust.example/market", address: "\(listener.address)", logKey: logKey.publicKey, sealKey: Curve25519Key().publicKey, cashierKey: Ed25519Key().publicKey,
            time: MarketTime(epoch: SystemTime().wall.secondsSinceEpoch - 3000, sliceSeconds: 3),
            witnesses: [.init(name: "w1", key: key, address: "127.0.0.1:9081")]
                + ["w2", "w3"].map { .init(name: $0, key: Ed25519Key().publicKey, address: "127.0.0.1:9082") }, buckets: [.init(number: 0, region: "here", group: "all")])
        // Stands for the node program: what it says depends on the port.
        try Files.replace(folder + "/mote", with: "#!/bin/sh\ncase $2 in *:1) echo up room 7 1;; *:2) echo down timeout; exit 1;; *) exit 70;; esac\n", mode: 0o700)
    }

    private func start() throws -> Witness {
        let events = events
        return try Witness(try WitnessFolder(folder), terms, .init(listen: SocketAddress("127.0.0.1:0")!, mote: folder + "/mote")) { line in events.lines.withLock { $0.append(line) } }
    }

    private func wait(_ isDone: () -> Bool) throws {
        let end = SystemTime().now + .seconds(60)
        while !isDone() {
            guard SystemTime().now < end else { throw MarketLineError.busy }
            Thread.sleep(forTimeInterval: 0.05)
        }
    }

    private func offer(port: Int) -> [UInt8] {
        let mote = Ed25519Key(), slice = terms.time.slice(at: SystemTime().wall.secondsSinceEpoch)
        let input = TokenInput(type: .blindRSA, nonce: mote.publicKey, challengeDigest: Digest.sha256([1]), keyID: Digest.sha256([2]))
        func offer(_ signature: [UInt8]) -> Offer {
            Offer(
                permit: Token(input: input, authenticator: [UInt8](repeating: 0, count: 256)), size: .small, bucket: 0, first: slice, last: slice + 100, group: 0,
                address: Array("127.0.0.1:\(port) \(String(repeating: "AB", count: 20))".utf8), keyRoot: Digest.sha256([3]), signature: signature)
        }
        return offer(mote.sign(offer([UInt8](repeating: 0, count: 64)).signed)).bytes
    }

    @Test("probes what is listed, tells what it found, and says nothing of a mote when its program fails")
    func probes() throws {
        let bodies = [1, 2, 3].map { offer(port: $0) }, motes = try bodies.map { try Offer($0).mote }
        exchange.offers.withLock { $0 = bodies + [Array("no offer".utf8)] }
        let witness = try start()
        defer { witness.stop(); listener.stop() }
        try wait { Set(exchange.verdicts.withLock { $0 }.map(\.mote)).count >= 2 && !exchange.chains.withLock { $0 }.isEmpty }
        let verdicts = exchange.verdicts.withLock { $0 }
        #expect(verdicts.allSatisfy { $0.isSigned(by: terms.witnesses[0].key) && $0.isUp == ($0.mote == motes[0]) && $0.taken == ($0.isUp ? 7 : 0) && $0.mote != motes[2] })
        let slices = verdicts.filter { $0.mote == motes[0] }.map(\.slice)
        #expect(Set(slices).count == slices.count, "once a slice")
        #expect(exchange.chains.withLock { $0 }.allSatisfy { $0.witness == "w1" && $0.isSigned(by: terms.witnesses[0].key) })
        try wait { events.lines.withLock { $0 }.contains { $0.hasPrefix("the node program could not probe") } }
    }

    @Test("cosigns over the line, and after an end and a start goes on from where it was")
    func cosigning() throws {
        var author = LogAuthor(trust: terms.trust, key: logKey)
        func ask(_ witness: Witness) throws -> MarketResponse {
            try MarketClient("\(witness.address)", .direct)!.perform(MarketRequest(.addCheckpoint, Array(author.request(to: "w1").text.utf8)))
        }
        author.append([LogLeaf(origin: terms.origin, kind: .report, number: 1, body: [])])
        do {
            let first = try start(), answer = try ask(first)
            #expect(answer.status == 200)
            _ = try author.receive(status: 200, String(decoding: answer.body, as: UTF8.self), from: "w1", about: 1)
            #expect(author.draft.cosigners(terms.trust.witnesses).keys.contains("w1"))
            #expect(throws: WitnessFolder.Failure.self, "one process at a time") { try WitnessFolder(folder) }
            first.stop()
        }
        // Another past of one entry: what an exchange would show after it threw its log away.
        var other = LogAuthor(trust: terms.trust, key: logKey)
        other.append([LogLeaf(origin: terms.origin, kind: .report, number: 2, body: [])])
        let second = try reopened()
        defer { second.stop(); listener.stop() }
        let refused = try MarketClient("\(second.address)", .direct)!.perform(MarketRequest(.addCheckpoint, Array(other.request(to: "w1").text.utf8)))
        #expect(refused.status == 409 && refused.kind == .treeSize && refused.body == Array("1\n".utf8))
        author.append([LogLeaf(origin: terms.origin, kind: .report, number: 2, body: [])])
        #expect(try ask(second).status == 200)
        #expect(try MarketClient("\(second.address)", .direct)!.perform(MarketRequest(.revealed(Slice(1)))).status == 404)
        #expect(try MarketClient("\(second.address)", .direct)!.perform(MarketRequest(.terms)).status == 404)
    }

    /// Its folder is free once the last one that held it is gone.
    private func reopened() throws -> Witness {
        let end = SystemTime().now + .seconds(20)
        while true {
            do { return try start() } catch let failure as WitnessFolder.Failure {
                guard case .inUse = failure, SystemTime().now < end else { throw failure }
                Thread.sleep(forTimeInterval: 0.05)
            }
        }
    }

    @Test("what cannot be written down is not signed")
    func fullDisk() throws {
        let witness = try start()
        defer { witness.stop(); listener.stop() }
        // A folder where the state's draft would be: writing it fails, for root too.
        try Files.makeFolder(folder + "/state.tmp")
        var author = LogAuthor(trust: terms.trust, key: logKey)
        author.append([LogLeaf(origin: terms.origin, kind: .report, number: 1, body: [])])
        let request = MarketRequest(.addCheckpoint, Array(author.request(to: "w1").text.utf8)), client = try #require(MarketClient("\(witness.address)", .direct))
        #expect(try client.perform(request).status == 503)
        try FileManager.default.removeItem(atPath: folder + "/state.tmp")
        #expect(try client.perform(request).status == 200)
    }

    @Test("a damaged state ends it: whoever forgot what was signed must not sign")
    func damage() throws {
        try Files.replace(folder + "/state", with: "dust-witness 1\nlog 5 ab\nrevealed 1\n")
        listener.stop()
        #expect(throws: WitnessFolder.Failure.self) { try start() }
    }
}
