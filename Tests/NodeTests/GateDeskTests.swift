import Ambience
import Glibc
import Loops
import MarketHistories
import Relaying
import Sealing
import Synchronization
import Testing

@testable import Exchange
@testable import Node

/// What many threads may add up.
private final class Tally: Sendable {
    private let verdicts = Mutex<[GateVerdict?]>([])

    func add(_ verdict: GateVerdict?) { verdicts.withLock { $0.append(verdict) } }
    var all: [GateVerdict?] { verdicts.withLock { $0 } }
    var admitted: Int { all.count { $0?.admitted != nil } }

    func wait(for count: Int) -> Bool {
        let end = SystemTime().now + .seconds(60)
        while all.count < count {
            if SystemTime().now > end { return false }
            usleep(2000)
        }
        return true
    }
}

@Suite("The gate's desk in a running mote")
struct GateDeskTests {
    private let folder: String
    private let time = MarketTime.usual
    private let key = Ed25519Key()
    private let now: Slice
    private let tokens: AccessTokens
    private let exporter = SecureRandom.bytes(32)

    init() throws {
        folder = "/tmp/gate-desk-\(getpid())-\(UInt64.random(in: 0..<UInt64.max))"
        try Files.makeFolder(folder)
        now = time.slice(at: SystemTime().wall.secondsSinceEpoch)
        tokens = AccessTokens(.access(day: now.day))
    }

    private var spends: SpendFile { SpendFile(path: folder + "/spends") }

    private func desk(_ size: MoteClass = .large) throws -> GateDesk {
        let keys = BookedAccess(keys: [tokens.id: BookedAccess.Key(day: now.day, from: now - 8, key: tokens.publicKey)])
        let offer = MoteOffer(size: size, bucket: 0, slices: now - 1...now + 100)
        let desk = try GateDesk(time, spends: spends)
        try desk.renew(offer, key, owners: [], keys: keys, at: now)
        return desk
    }

    @Test("a mote that is listed again answers under each permit's key in its slices, and under the first until those are over")
    func listedAgain() throws {
        defer { remove() }
        let desk = try GateDesk(time, spends: spends), next = Ed25519Key()
        let keys = BookedAccess(keys: [tokens.id: BookedAccess.Key(day: now.day, from: now - 8, key: tokens.publicKey)])
        try desk.renew(MoteOffer(size: .small, bucket: 0, slices: now - 3...now), key, owners: [], keys: keys, at: now)
        try desk.renew(MoteOffer(size: .small, bucket: 0, slices: now + 1...now + 4), next, owners: [], keys: keys, at: now)
        #expect(desk.key(at: now) == key.publicKey && desk.key(at: now + 1) == next.publicKey && desk.key(at: now + 9) == next.publicKey)
        let said = ask(desk, [GateQuestion.ask(now + 1).bytes]).all
        guard case .gate(let statement) = try GateAnswer(try #require(said[0]).answer) else { throw GateError.malformed }
        #expect(statement.mote == next.publicKey && statement.hasRoom)
        try desk.renew(MoteOffer(size: .small, bucket: 0, slices: now + 1...now + 4), next, owners: [], keys: keys, at: now + 1)
        #expect(desk.key(at: now) == next.publicKey)
    }

    private func questions(_ count: Int, _ slice: Slice) throws -> [[UInt8]] {
        try (0..<count).map { _ in try #require(tokens.buy(mote: key.publicKey, slice).ticket(mote: key.publicKey, slice)).question(for: slice, exporter: exporter).bytes }
    }

    private func ask(_ desk: GateDesk, _ questions: [[UInt8]], exporter: [UInt8]? = nil) -> Tally {
        let tally = Tally()
        for question in questions { #expect(desk.answer(question, exporter: exporter ?? self.exporter) { tally.add($0) }) }
        #expect(tally.wait(for: questions.count))
        return tally
    }

    @Test("what is admitted is on disk before the answer, exactly once, also when a mote dies and half a record is left")
    func durable() throws {
        defer { remove() }
        // The next slice: it does not end while this runs.
        let questions = try questions(20, now + 1)
        var desk = try desk(), end = 0
        for _ in 0..<2 {
            let tally = ask(desk, Array(questions[end..<end + 10]) + questions[..<10])
            #expect(tally.admitted == 10)
            end += 10
            let kept = SpendRecord.all(in: try Files.read(spends.path))
            #expect(kept.count == end && Set(kept.map(\.token.input.nonce)).count == end)
            try Files.append(spends.path, Array(kept[0].bytes.prefix(300)))
            desk = try self.desk()
            #expect(ask(desk, questions.prefix(10) + []).admitted == 0)
        }
        #expect(SpendRecord.all(in: try Files.read(spends.path)).count == 20)
    }

    @Test("records of days whose deposits are over leave the file, and nothing else does")
    func forgotten() throws {
        defer { remove() }
        let bought = try tokens.buy(mote: key.publicKey, now), signature = [UInt8](repeating: 1, count: 64)
        let days: [Int64] = [-2, -1, 0, 1]
        let records = try days.map { try #require(SpendRecord(Spend(bought.token, .spent(now + $0 * Slice.perDay, salt: bought.salt, session: exporter, signature: signature)))) }
        try Files.replace(spends.path, with: records.flatMap(\.bytes))
        #expect(try spends.load(at: now) == Array(records[1...]))
        #expect(SpendRecord.all(in: try Files.read(spends.path)) == Array(records[1...]))
    }

    @Test("a token that cannot be written down is refused, and what the disk took of it is taken back")
    func fullDisk() throws {
        defer { remove() }
        let desk = try desk(), questions = try questions(3, now + 1)
        #expect(ask(desk, [questions[0]]).admitted == 1)
        try Files.remove(spends.path)
        try Files.makeFolder(spends.path)
        let refused = ask(desk, [questions[1]])
        #expect(refused.admitted == 0)
        guard case .receipt(let receipt) = try GateAnswer(try #require(refused.all[0]).answer) else { throw GateError.malformed }
        #expect(receipt.outcome == .refused && receipt.isSigned(by: key.publicKey))
        // What is there now cannot be put right, so the mote says that it is full.
        #expect(ask(desk, [questions[2]]).admitted == 0)
    }

    @Test("a mote checks tokens and keeps them at a pace that no crowd of buyers reaches")
    func pace() throws {
        defer { remove() }
        let desk = try desk(), count = 240
        let questions = try questions(count, now + 1)
        let began = SystemTime().now
        let tally = ask(desk, questions)
        let seconds = Double((SystemTime().now - began).nanoseconds) / 1e9
        print("admitted and kept \(tally.admitted) tokens in \(Int(seconds * 1000)) ms, \(Int(Double(count) / seconds)) a second")
        #expect(tally.admitted == count)
        #expect(ask(desk, try self.questions(1, now + 1)).admitted == 0)
    }

    private func remove() {
        try? Files.remove(spends.path)
        rmdir(spends.path)
        rmdir(folder)
    }
}
