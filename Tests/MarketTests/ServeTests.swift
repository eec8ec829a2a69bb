import Ambience
import Bytes
import Exchange
import Foundation
import Market
import MarketLine
import Sealing
import Testing

/// An exchange as a process that can be killed, three witnesses, and somebody with a wallet.
@Suite("An exchange at work", .serialized)
struct ServeTests {
    private static let patienceSeconds = 240.0

    private struct Late: Error, CustomStringConvertible {
        let description: String
    }

    /// Asks again until there is an answer.
    private static func wait<R>(_ what: String, _ body: () throws -> R?) throws -> R {
        let end = Date().addingTimeInterval(patienceSeconds)
        while Date() < end {
            if let result = try? body() { return result }
            usleep(100_000)
        }
        throw Late(description: "\(what) did not happen in \(Int(patienceSeconds)) s")
    }

    /// The program, started anew as often as it is killed.
    private final class Site {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("dustcloud-serve-\(UUID().uuidString)").path
        let cashier = Ed25519Key()
        let witnesses: [TestWitness]
        private var process: Process?
        private var port: UInt16 = 0

        init() throws {
            witnesses = try (0..<3).map { _ in try TestWitness() }
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        }

        deinit {
            kill()
            for witness in witnesses { witness.stop() }
            try? FileManager.default.removeItem(atPath: folder)
        }

        /// Where it answers, as it says itself.
        func start() throws -> MarketClient {
            let out = Pipe(), process = Process()
            process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().appendingPathComponent("dustcloud")
            process.arguments = ["market", "serve", "--state", folder, "--listen", "127.0.0.1:\(port)"] + (port == 0 ? first : []) + ["--least-set", "1", "--only-small", "--permit-every", "96"]
            process.standardOutput = out
            try process.run()
            self.process = process
            var text = ""
            while !text.contains("\n"), case let data = out.fileHandleForReading.availableData, !data.isEmpty { text += String(decoding: data, as: UTF8.self) }
            // Whatever else it says is read, so that it never waits for us.
            out.fileHandleForReading.readabilityHandler = { _ = $0.availableData }
            let match = try #require(text.firstMatch(of: /answers at 127\.0\.0\.1:([0-9]+)/), "\(text)")
            port = try #require(UInt16(match.1))
            return try #require(MarketClient("127.0.0.1:\(port)", .direct, limitMilliseconds: 30_000))
        }

        private var first: [String] {
            let words = ["--market", "trial.example/market", "--address", "127.0.0.1:9", "--cashier", Hex.lower(cashier.publicKey), "--bucket", "0,eu,a", "--slice-seconds", "3"]
            return words + witnesses.enumerated().flatMap { ["--witness", "w\($0),\(Hex.lower($1.key.publicKey)),\($1.address)"] }
        }

        func kill() {
            guard let process, process.isRunning else { return }
            Glibc.kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }

        func terms() throws -> MarketTerms { try MarketTerms(String(contentsOfFile: folder + "/terms", encoding: .utf8)) }
    }

    private struct Keys: PublicKeys {
        let table: KeyTable
        func publicKey(_ role: KeyRole) -> [UInt8]? { table.keys.first { $0.role == role }?.publicKey }
    }

    @Test("what an exchange took in is carried out once, though it is killed again and again, and its books and reports are in order")
    func killed() throws {
        let site = try Site(), seed = try #require(WalletSeed(.random(32), device: 0))
        var client = try site.start()
        let terms = try site.terms()
        for witness in site.witnesses {
            let chain = try witness.begin(terms)
            _ = try Self.wait("a chain") { try client.post(.chain, chain.bytes) }
        }
        func slice() -> Slice { terms.time.slice(at: SystemTime().wall.secondsSinceEpoch) }
        let week = slice().week
        let document = try Self.wait("a table of keys in the log") { try client.fetch(.weekKeys(week)).flatMap { try? LoggedDocument($0) } }
        #expect(document.loggedAt(terms.trust) != nil)
        let keys = Keys(table: try KeyTable(document.body))

        // A pack is ordered, and the exchange killed as soon as it has said that it took it in.
        let receipt = SecureRandom.bytes(32), detail = OrderDetail.receipt(receipt, signature: site.cashier.sign(Signed.receipt(receipt)))
        let pack = try #require(Draft(Recipe(.prepay, detail, at: slice(), from: 0), seed: seed, keys: keys))
        // A letter is stamped for its slice, which may be over before it is there.
        try Self.take(pack.order, client, terms, slice)
        site.kill()
        client = try site.start()
        let tokens = try Self.answer(pack, client, keys, at: slice())
        #expect(tokens.count == 6)

        // One of its tokens is split, twice at the same time: one of both is carried out.
        let large = try #require(tokens.first { $0.role == .credit(.twoHundredFiftySix, week: week) })
        let drafts = try [100, 200].map { try #require(Draft(Recipe(.split(.twoHundredFiftySix), at: slice(), from: $0, inputs: [Recipe.Input(large)]), seed: seed, keys: keys)) }
        for draft in drafts { try Self.take(draft.order, client, terms, slice) }
        for _ in 0..<3 {
            usleep(UInt32.random(in: 200_000...900_000))
            site.kill()
            client = try site.start()
        }
        let replies = try drafts.map { draft in try Self.wait("an answer") { if case .ready(let reply) = try client.answer(to: draft.order.id) { reply } else { nil } } }
        #expect(replies.count { $0 == .refused(.spent) } == 1)
        #expect(replies.count { if case .carriedOut = $0 { true } else { false } } == 1)
        try Self.checkReports(client, terms, until: try Self.wait("a report") { try Self.lastReport(client, slice()) })

        site.kill()
        let rows = try MarketStore(path: site.folder + "/market.sqlite").rows()
        #expect(LedgerAudit(rows, roles: Dictionary(uniqueKeysWithValues: keys.table.keys.map { ($0.id, $0.role) })).violations().isEmpty)
    }

    private static func take(_ order: Order, _ client: MarketClient, _ terms: MarketTerms, _ slice: () -> Slice) throws {
        _ = try wait("the order's being taken in") { if case .taken = try client.send(order.bytes, to: terms.sealKey, at: slice()) { true } else { nil } }
    }

    private static func answer(_ draft: Draft, _ client: MarketClient, _ keys: Keys, at slice: Slice) throws -> [WalletToken] {
        let reply = try wait("an answer") { if case .ready(let reply) = try client.answer(to: draft.order.id) { reply } else { nil } }
        var random = SecureRandom()
        guard case .made(let tokens, _) = draft.finish(reply, keys: keys, at: slice, random: &random) else { throw Late(description: "the answer is \(reply)") }
        return tokens
    }

    private static func lastReport(_ client: MarketClient, _ now: Slice) throws -> Slice? {
        try (0..<5).lazy.map { now - $0 }.first { try client.fetch(.report($0)) != nil }
    }

    /// Sealed orders, beacon and report of a slice say the same, and the accounts add up to nothing.
    private static func checkReports(_ client: MarketClient, _ terms: MarketTerms, until last: Slice) throws {
        var chained = 0
        for slice in last - 20...last {
            guard let bytes = try client.fetch(.report(slice)) else { continue }
            let document = try #require(try? LoggedDocument(bytes))
            let report = try #require(try? EpochReport(document.body), "\(String(decoding: document.body, as: UTF8.self))")
            let record = try #require(try client.fetch(.beacon(slice))), ids = try #require(try client.fetch(.ids(slice)))
            let beacon = try #require(try? BeaconRecord(record), "\(record)")
            #expect(document.loggedAt(terms.trust) != nil)
            #expect(report.beacon == beacon.value && report.seal == beacon.seal)
            #expect(beacon.seal == OrdersSeal(slice: slice, ids: stride(from: 0, to: ids.count, by: 32).map { Array(ids[$0..<$0 + 32]) }))
            #expect(report.accounts.values.reduce(0, +) == 0)
            chained += 1
        }
        #expect(chained > 0)
    }

    @Test("what is no order gets one short answer and changes nothing")
    func nonsense() throws {
        let site = try Site(), client = try site.start(), terms = try site.terms()
        let slice = terms.time.slice(at: SystemTime().wall.secondsSinceEpoch)
        #expect(try client.post(.order, [1, 2, 3]) == OrderReceipt.refused.bytes)
        #expect(try client.post(.order, try #require(OrderLetter.make([1], to: Curve25519Key().publicKey, at: slice))) == OrderReceipt.refused.bytes)
        #expect(try client.post(.order, try #require(OrderLetter.make([1], to: terms.sealKey, at: slice - 5))) == OrderReceipt.refused.bytes)
        for path in [MarketPath.offer, .swap, .proof] { #expect(try client.post(path, [9]) == [Refusal.malformed.rawValue]) }
        #expect(try client.answer(to: [UInt8](repeating: 7, count: 32)) == .unknown)
        #expect(throws: MarketLineError.self) { try client.post(.answer, [1]) }
        for path in [MarketPath.cert, .chain] { #expect(throws: MarketLineError.self) { try client.post(path, [9]) } }
        #expect(try client.fetch(.report(slice)) == nil)
        site.kill()
        #expect(try MarketStore(path: site.folder + "/market.sqlite").rows().entries.isEmpty)
    }
}
