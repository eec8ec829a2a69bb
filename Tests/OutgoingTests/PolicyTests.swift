import Ambience
import Outgoing
import Testing

private let now = WallTime(secondsSinceEpoch: 1_900_000_000)

@Suite("Policies that domains publish for their mail")
struct PolicyTests {
    private static func file(_ lines: [String]) -> [UInt8] { Array(lines.map { $0 + "\r\n" }.joined().utf8) }
    private static func policy(_ mode: String = "enforce", _ patterns: [String] = ["mx.example.org"], age: String = "86400") -> STSPolicy? {
        STSPolicy(file(["version: STSv1", "mode: \(mode)"] + patterns.map { "mx: \($0)" } + ["max_age: \(age)"]))
    }

    @Test("are read in any order, with line ends of either kind, the first of a field counting, unknown ones passed over")
    func read() throws {
        let policy = try #require(STSPolicy(Array("max_age:604800\nmx: *.Example.ORG\nmode: enforce  \nmode: none\nversion: STSv1\ncolour: green\nmx:\tmail.example.com\n".utf8)))
        #expect(policy.mode == .enforce && policy.patterns == ["*.example.org", "mail.example.com"] && policy.maxAgeSeconds == 604_800)
        #expect(Self.policy("none", [])?.mode == STSPolicy.Mode.none)
        #expect(Self.policy(age: "99999999999")?.maxAgeSeconds == STSPolicy.ageLimitSeconds)
    }

    @Test("that lack something, are no text, or are too much count as none")
    func refused() {
        for file in [["mode: enforce", "mx: a.b", "max_age: 1"], ["version: STSv2", "mode: enforce", "mx: a.b", "max_age: 1"], ["version: STSv1", "mx: a.b", "max_age: 1"],
            ["version: STSv1", "mode: enforce", "mx: a.b"], ["version: STSv1", "mode: strict", "mx: a.b", "max_age: 1"], ["version: STSv1", "mode: enforce", "max_age: 1"],
            ["version: STSv1", "mode: enforce", "mx: a.b", "max_age: -1"], ["version: STSv1", "mode: enforce", "mx: a.b", "max_age: soon"],
            ["version: STSv1", "mode: enforce", "mx: a.b", "max_age: 1", "no field"]]
        { #expect(STSPolicy(Self.file(file)) == nil, "\(file)") }
        #expect(Self.policy("enforce", (0...64).map { "mx\($0).example" }) == nil)
        #expect(Self.policy("enforce", [String(repeating: "a", count: 300)]) == nil)
        #expect(STSPolicy([0xFF, 0xFE]) == nil && STSPolicy([UInt8](repeating: 0x61, count: STSPolicy.limitBytes + 1)) == nil)
    }

    @Test("name servers whole or with one label left open")
    func patterns() throws {
        let policy = try #require(Self.policy("enforce", ["mx.example.org", "*.mail.example.org"]))
        for host in ["mx.example.org", "a.mail.example.org"] { #expect(policy.allows(host), "\(host)") }
        for host in ["example.org", "mx2.example.org", "mail.example.org", "a.b.mail.example.org", "evilmail.example.org", "mx.example.org.evil", ""] { #expect(!policy.allows(host), "\(host)") }
    }

    @Test("are announced by one record, whose id says when there is a new one")
    func announced() {
        func id(_ texts: String...) -> String? { STSPolicy.id(in: texts.map { Array($0.utf8) }) }
        #expect(id("v=STSv1; id=20260101T00;") == "20260101T00")
        #expect(id("v=spf1 -all", "v=STSv1;id=a1") == "a1" && id("v=STSv1; x=y; id = b2 ;") == "b2")
        #expect(id() == nil && id("v=STSv1; id=a", "v=STSv1; id=b") == nil && id("v=STSv10; id=a") == nil && id("v=STSv1;") == nil)
        #expect(id("v=STSv1; id=a-b") == nil && id("v=STSv1; id=" + String(repeating: "a", count: 33)) == nil && id("v=STSv1; id=;") == nil)
    }

    @Test("are kept as long as they say, and of too many the one that ends next goes")
    func kept() throws {
        let policy = try #require(Self.policy(age: "100"))
        var cache = STSCache()
        let none = cache.keep(policy, id: "1", of: "example.org", at: now)
        #expect(none.isEmpty)
        #expect(cache.policy(of: "example.org", at: now + 99) == policy && cache.policy(of: "example.org", at: now + 100) == nil)
        #expect(cache.has("1", of: "example.org", at: now) && !cache.has("2", of: "example.org", at: now) && !cache.has("1", of: "example.org", at: now + 100))
        let long = try #require(Self.policy())
        for number in 1..<STSCache.limit { _ = cache.keep(long, id: "1", of: "d\(number).example", at: now) }
        let forgotten = cache.keep(long, id: "1", of: "one.more", at: now)
        #expect(forgotten == ["example.org"])
        #expect(cache.domains.count == STSCache.limit && cache.policy(of: "one.more", at: now) != nil)
    }

    @Test("outlive the process: a record gives back what was kept, until it ends, and nothing else does")
    func records() throws {
        let policy = try #require(Self.policy("enforce", ["*.example.org", "mx.example.com"], age: "1000"))
        var cache = STSCache()
        _ = cache.keep(policy, id: "id1", of: "example.org", at: now)
        let record = try #require(cache.record(of: "example.org"))
        let again = try #require(resumed(record, at: now + 400))
        let kept = try #require(again.policy(of: "example.org", at: now + 999))
        #expect(kept.mode == .enforce && kept.patterns == policy.patterns && again.has("id1", of: "example.org", at: now + 999))
        #expect(again.policy(of: "example.org", at: now + 1_000) == nil)
        #expect(resumed(record, at: now + 1_000) == nil)
        // Without its last pattern it is a record, too.
        for count in 0..<record.count where count != record.count - 15 { #expect(resumed(Array(record.prefix(count)), at: now) == nil, "\(count) bytes") }
        #expect(resumed([2] + record.dropFirst(), at: now) == nil && resumed(record + [1], at: now) == nil)
        // A clock that was wrong when it was written must not keep a policy for ever.
        let early = now - 10 * STSPolicy.ageLimitSeconds
        #expect(try #require(resumed(record, at: early)).policy(of: "example.org", at: early + 2 * STSPolicy.ageLimitSeconds) == nil)
    }

    private func resumed(_ record: [UInt8], at now: WallTime) -> STSCache? {
        var cache = STSCache()
        return cache.resume(record, at: now) ? cache : nil
    }

    @Test("come in a whole answer of type text/plain and no other")
    func answers() {
        func text(_ answer: String) -> String? { HTTPAnswer.text(Array(answer.utf8)).map { String(decoding: $0, as: UTF8.self) } }
        #expect(text("HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nbody") == "body")
        #expect(text("HTTP/1.0 200 OK\r\ncontent-type:TEXT/PLAIN\r\nContent-Length: 4\r\n\r\nbody") == "body")
        for answer in ["HTTP/1.1 301 Moved\r\nContent-Type: text/plain\r\nLocation: https://x\r\n\r\nbody", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\nbody", "HTTP/1.1 200 OK\r\n\r\nbody",
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nbody", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
            "HTTP/2 200\r\nContent-Type: text/plain\r\n\r\nbody", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n", "", "\r\n\r\n", "HTTP/1.1 200 OK\r\nno field\r\nContent-Type: text/plain\r\n\r\nbody"]
        { #expect(text(answer) == nil, "\(answer)") }
        #expect(text("HTTP/1.1 200 OK\r\nX: \(String(repeating: "a", count: 20_000))\r\nContent-Type: text/plain\r\n\r\nbody") == nil)
    }
}
