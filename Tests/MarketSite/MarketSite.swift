internal import Ambience
internal import Bytes
package import Exchange
internal import FreePorts
internal import Foundation
package import MarketLine
package import Sealing

/// Something did not come about in time, or not as it should.
package struct Late: Error, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

/// An exchange as a process that is started anew as often as it is killed, with three witnesses of this process.
package final class MarketSite {
    private static let patienceSeconds = 240.0

    package let cashier = Ed25519Key()
    package let folder = FileManager.default.temporaryDirectory.appendingPathComponent("dustcloud-serve-\(UUID().uuidString)").path
    private let witnesses: [TestWitness]
    private let database: String?
    private let port: UInt16
    private var process: Process?

    /// - Parameter database: an address of PostgreSQL's; without it, its tables are in a file in its folder.
    package init(database: String? = nil) throws {
        guard let port = FreePorts.next() else { throw Late("there is no free port") }
        (self.port, self.database) = (port, database)
        witnesses = try (0..<3).map { _ in try TestWitness() }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }

    deinit {
        kill()
        for witness in witnesses { witness.stop() }
        try? FileManager.default.removeItem(atPath: folder)
    }

    // MARK: the program

    /// It lies beside the tests.
    private static func program(_ words: [String], saying out: Pipe) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().appendingPathComponent("dustcloud")
        process.arguments = words
        (process.standardInput, process.standardOutput) = (FileHandle.nullDevice, out)
        try process.run()
        return process
    }

    /// When this returns, it answers.
    package func start() throws -> MarketClient {
        let out = Pipe(), isFirst = !FileManager.default.fileExists(atPath: termsPath)
        process = try Self.program(
            ["market", "serve", "--state", folder, "--listen", "127.0.0.1:\(port)"] + (database.map { ["--database", $0] } ?? []) + (isFirst ? first : []), saying: out)
        var text = ""
        while !text.contains("\n"), case let data = out.fileHandleForReading.availableData, !data.isEmpty { text += String(decoding: data, as: UTF8.self) }
        // Whatever else it says is read, so that it never waits for us.
        out.fileHandleForReading.readabilityHandler = { _ = $0.availableData }
        guard text.contains("answers at 127.0.0.1:\(port)"), let client = MarketClient("127.0.0.1:\(port)", .direct, limitMilliseconds: 30_000) else { throw Late("it said: \(text)") }
        return client
    }

    private var first: [String] {
        let words = ["--market", "trial.example/market", "--cashier", Hex.lower(cashier.publicKey), "--bucket", "0,eu,a", "--slice-seconds", "3"]
        return words + ["--least-set", "1", "--only-small", "--permit-every", "96"] + witnesses.enumerated().flatMap { ["--witness", "w\($0),\(Hex.lower($1.key.publicKey)),\($1.address)"] }
    }

    package func kill() {
        guard let process, process.isRunning else { return }
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    private var termsPath: String { folder + "/terms" }
    package func terms() throws -> MarketTerms { try MarketTerms(String(contentsOfFile: termsPath, encoding: .utf8)) }

    /// What `dustcloud market audit` says, given a copy of the database, and whether it is content.
    package func audit(_ copy: String) throws -> (isContent: Bool, report: String) {
        let out = Pipe(), process = try Self.program(["market", "audit", "--terms", termsPath, "--database", copy, "--json"], saying: out)
        let said = out.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus == 0, String(decoding: said, as: UTF8.self))
    }

    // MARK: what people do

    package func slice() throws -> Slice { try terms().time.slice(at: SystemTime().wall.secondsSinceEpoch) }

    /// Asks again until there is an answer.
    package static func wait<R>(_ what: String, _ body: () throws -> R?) throws -> R {
        let end = Date().addingTimeInterval(patienceSeconds)
        while Date() < end {
            if let result = try? body() { return result }
            usleep(100_000)
        }
        throw Late("\(what) did not happen in \(Int(patienceSeconds)) s")
    }

    /// Tells it what its witnesses will reveal, and waits for this week's keys in the log.
    package func begin(_ client: MarketClient) throws -> WeekKeys {
        let terms = try terms(), week = try slice().week
        for witness in witnesses {
            let chain = try witness.begin(terms)
            _ = try Self.wait("a chain") { try client.post(.chain, chain.bytes) }
        }
        let document = try Self.wait("a table of keys in the log") { try client.fetch(.weekKeys(week)).flatMap { try? LoggedDocument($0) } }
        guard document.loggedAt(terms.trust) != nil else { throw Late("the keys are not in the log") }
        return WeekKeys(table: try KeyTable(document.body))
    }

    /// A pack that the cashier was paid for.
    package func pack(_ seed: WalletSeed, _ keys: WeekKeys) throws -> Draft {
        let receipt = SecureRandom.bytes(32), detail = OrderDetail.receipt(receipt, signature: cashier.sign(Signed.receipt(receipt)))
        guard let draft = Draft(Recipe(.prepay, detail, at: try slice(), from: 0), seed: seed, keys: keys) else { throw Late("no order for a pack") }
        return draft
    }

    /// A letter is stamped for its slice, which may be over before it is there.
    package func take(_ order: Order, _ client: MarketClient) throws {
        let terms = try terms()
        _ = try Self.wait("the order's being taken in") { if case .taken = try client.send(order.bytes, to: terms.sealKey, at: try slice()) { true } else { nil } }
    }

    package func reply(_ draft: Draft, _ client: MarketClient) throws -> Reply {
        try Self.wait("an answer") { if case .ready(let reply) = try client.answer(to: draft.order.id) { reply } else { nil } }
    }

    package func tokens(_ draft: Draft, _ client: MarketClient, _ keys: WeekKeys) throws -> [WalletToken] {
        let reply = try reply(draft, client)
        var random = SecureRandom()
        guard case .made(let tokens, _) = draft.finish(reply, keys: keys, at: try slice(), random: &random) else { throw Late("the answer is \(reply)") }
        return tokens
    }
}

/// A week's public keys, as the exchange handed them out.
package struct WeekKeys: PublicKeys {
    package let table: KeyTable
    package func publicKey(_ role: KeyRole) -> [UInt8]? { table.keys.first { $0.role == role }?.publicKey }
    package var roles: [KeyID: KeyRole] { Dictionary(uniqueKeysWithValues: table.keys.map { ($0.id, $0.role) }) }
}
