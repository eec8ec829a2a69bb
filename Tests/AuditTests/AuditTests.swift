import Ambience
import Audit
import Auditing
import Foundation
import Leasing
import Testing

@Suite("The audit")
struct AuditTests {
    private static let now = WallTime("2026-11-21T20:00:00Z")!
    private static let key = MoteKey(high: 1, low: 2)
    private static let call = AuditEvent.ProviderCall(provider: "ec2", action: .create, region: "eu-west-1", key: key)

    private final class Scratch {
        let path = FileManager.default.temporaryDirectory.path + "/audit-\(UUID().uuidString)"
        deinit { try? FileManager.default.removeItem(atPath: path) }
    }

    private static func step(_ number: Int64, _ change: MoteChange) -> (number: Int64, event: AuditEvent) {
        (number, .step(number: number, MoteEvent(key: key, at: now, change: change)))
    }

    private func filled(_ scratch: Scratch, _ count: Int64 = 5) throws -> [UInt8] {
        let log = AuditLog(scratch.path)
        try log.append([.asks(Self.call), .answered(Self.call, .ok)], now: Self.now)
        for number in 1...count { try log.append(steps: [Self.step(number, .starting(attempt: Int(number)))], now: Self.now + number) }
        return try Files.read(scratch.path)
    }

    @Test("what is written is read again, verified, and says what was done")
    func roundTrip() throws {
        let scratch = Scratch(), lines = try AuditChain.verify(try filled(scratch))
        #expect(lines.map(\.number) == Array(1...7) && lines.map(\.kind).prefix(3) == ["asks", "answered", "mote"])
        #expect(lines[1]["result"] == "ok" && lines[1]["region"] == "eu-west-1" && lines[6]["attempt"] == "5")
    }

    @Test("the chain is what sha256sum says it is")
    func independent() throws {
        let scratch = Scratch()
        _ = try filled(scratch)
        let script = """
            previous=$(printf '0%.0s' $(seq 64))
            while read -r hash rest; do
              content=$(printf '%s' "$rest" | sha256sum | cut -c1-64)
              previous=$(printf '%s %s' "$previous" "$content" | sha256sum | cut -c1-64)
              [ "$previous" = "$hash" ] || exit 1
            done < "$0"
            """
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = ["-c", script, scratch.path]
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
    }

    @Test("a byte changed anywhere, a line left out, doubled or moved is found")
    func tampering() throws {
        let scratch = Scratch(), whole = try filled(scratch)
        for index in whole.indices {
            var changed = whole
            changed[index] ^= 1
            if let lines = try? AuditChain.verify(changed) { #expect(lines.count < 7, "byte \(index)") }
        }
        let lines = whole.split(separator: 0x0A).map(Array.init)
        for (name, wrong) in [("left out", [0, 2, 3]), ("doubled", [0, 1, 1]), ("moved", [1, 0, 2])] {
            let log: [UInt8] = wrong.flatMap { lines[$0] + [0x0A as UInt8] }
            #expect(throws: AuditFault.self, "\(name)") { try AuditChain.verify(log) }
        }
    }

    @Test("an end that was cut off, or a log written anew, is found by an end that somebody signed")
    func truncation() throws {
        let scratch = Scratch(), whole = try filled(scratch)
        let head = try #require(try AuditChain.verify(whole).last.map { AuditHead(number: $0.number, hash: $0.hash) })
        let cut = whole.dropLast().prefix(through: try #require(whole.dropLast().lastIndex(of: 0x0A)))
        #expect(throws: AuditFault.truncated(at: 6, signed: 7)) { try AuditChain.verify(Array(cut), signed: head) }
        #expect(throws: AuditFault.other(number: 7)) { try AuditChain.verify(try filled(Scratch(), 9), signed: AuditHead(number: 7, hash: AuditLine.origin)) }
        #expect(try AuditChain.verify(whole, signed: head).count == 7)
    }

    @Test("wherever a crash tears the last record, the log goes on from the last whole one")
    func tornRecord() throws {
        let scratch = Scratch(), whole = try filled(scratch, 2)
        let start = try #require(whole.dropLast().lastIndex(of: 0x0A)) + 1
        for end in start..<whole.count {
            try Files.replace(scratch.path, with: Array(whole[..<end]))
            let log = AuditLog(scratch.path)
            #expect(try log.lastStep() == 1)
            try log.append(steps: [Self.step(2, .starting(attempt: 2)), Self.step(3, .running)], now: Self.now)
            #expect(try AuditChain.verify(try Files.read(scratch.path)).map(\.number) == [1, 2, 3, 4, 5])
        }
    }

    @Test("a step is told once, however often it is handed in")
    func onceOnly() throws {
        let scratch = Scratch(), steps = [Self.step(1, .starting(attempt: 1)), Self.step(2, .running)]
        for _ in 0..<3 { try AuditLog(scratch.path).append(steps: steps, now: Self.now) }
        #expect(try AuditChain.verify(try Files.read(scratch.path)).count == 2)
    }

    @Test("several writers make one chain")
    func writers() async throws {
        let scratch = Scratch(), path = scratch.path
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    let log = AuditLog(path)
                    for _ in 0..<10 { try log.append(.asks(Self.call), now: Self.now) }
                }
            }
            try await group.waitForAll()
        }
        #expect(try AuditChain.verify(try Files.read(path)).count == 40)
    }

    @Test("a damaged log is not gone on with")
    func damage() throws {
        let scratch = Scratch()
        var whole = try filled(scratch)
        whole[70] ^= 1
        try Files.replace(scratch.path, with: whole)
        #expect(throws: FileError.self) { try AuditLog(scratch.path).append(.refused, now: Self.now) }
        #expect(try Files.read(scratch.path) == whole)
    }

    @Test("lists are told when their result changes, changes always")
    func reads() throws {
        let scratch = Scratch(), log = AuditLog(scratch.path), list = AuditEvent.ProviderCall(provider: "ec2", action: .list, region: "eu-west-1")
        for result in [AuditEvent.CallResult.ok, .ok, .ok, .later, .later, .ok] { try log.append(.answered(list, result), now: Self.now) }
        for _ in 0..<2 { try log.append(.answered(Self.call, .ok), now: Self.now) }
        #expect(try AuditChain.verify(try Files.read(scratch.path)).compactMap { $0["result"] } == ["ok", "later", "ok", "ok", "ok"])
    }

    @Test("names that others chose cannot make a line or a field of their own")
    func escaping() throws {
        let scratch = Scratch(), region = "a b\n=%" + String(repeating: "x", count: 500)
        try AuditLog(scratch.path).append(.asks(.init(provider: "p q=1", action: .end, region: region)), now: Self.now)
        let line = try AuditChain.verify(try Files.read(scratch.path))[0]
        #expect(line["provider"] == "p q=1" && line["region"]?.hasPrefix("a b\n=%x") == true && line.fields.count == 3)
    }

    @Test("an excerpt shows some lines, and that they are in the log, without the others")
    func excerpt() throws {
        let scratch = Scratch(), lines = try AuditChain.verify(try filled(scratch))
        let excerpt = AuditChain.excerpt(lines) { $0["attempt"] == "2" || $0["attempt"] == "4" }
        #expect(excerpt.entries.count { $0.utf8.count > 64 } == 2 && excerpt.before.number == 3)
        #expect(try excerpt.head() == AuditHead(number: 7, hash: lines[6].hash))
        let data = try JSONEncoder().encode(excerpt), read = try JSONDecoder().decode(AuditChain.Excerpt.self, from: data)
        #expect(read == excerpt)
        let nothing = AuditChain.excerpt(lines) { _ in false }
        #expect(nothing.entries.isEmpty && nothing.before.number == 7)
    }
}
