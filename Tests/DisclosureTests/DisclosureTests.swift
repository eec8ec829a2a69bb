import Ambience
import Audit
import Disclosure
import Enrolment
import Foundation
import Leasing
import Sealing
import Testing

@Suite("What is told of a mote")
struct DisclosureTests {
    private static let now = WallTime("2026-11-21T20:00:00Z")!
    private static let key = MoteKey(high: 0xAABB, low: 2), other = MoteKey(high: 9, low: 9)
    private static let image = String(repeating: "ab", count: 32)

    private static func descriptor(_ policy: String) -> Statement.Descriptor {
        Statement.Descriptor(
            fetched: now.rfc3339,
            text: "router \(key.nickname) 192.0.2.9 9001 0 0\nfingerprint AAAA BBBB\n\(policy)\nrouter-signature\n-----BEGIN SIGNATURE-----\nx\n-----END SIGNATURE-----\n")
    }

    private static let lines: [AuditLine] = {
        let site = Site(provider: "ec2", payer: "me", region: "eu-west-1", size: "t", image: image)
        let call = AuditEvent.ProviderCall(provider: "ec2", action: .create, region: "eu-west-1", key: key)
        func lease(_ key: MoteKey) -> Lease {
            Lease(key: key, lifetimeClass: .normal, intended: now, expires: now + 3600, drainSeconds: 60, site: site)
        }
        let events: [AuditEvent] = [
            .step(number: 1, MoteEvent(key: other, at: now, change: .intended(lease(other)))), .step(number: 2, MoteEvent(key: key, at: now, change: .intended(lease(key)))),
            .asks(call), .answered(call, .ok), .enrolled(key), .refused, .step(number: 3, MoteEvent(key: key, at: now + 9, change: .gone(.expiry))), .refused,
        ]
        var head = AuditHead()
        return events.map { event in
            let line = AuditLine(event, at: now, number: head.number + 1, after: head.hash)
            head = AuditHead(number: line.number, hash: line.hash)
            return line
        }
    }()

    private func statement(_ descriptors: [Statement.Descriptor] = [Self.descriptor("reject *:25\naccept *:*")], manifest: String? = nil) throws -> Statement {
        try #require(Statement.make(of: Self.key, lines: Self.lines, descriptors: descriptors, admission: nil, manifest: manifest, now: Self.now + 100))
    }

    @Test("a statement says what the audit and the descriptors say, and shows its lines only")
    func contents() throws {
        let statement = try statement()
        #expect(statement.provider == "ec2" && statement.region == "eu-west-1" && statement.expires == "2026-11-21T21:00:00Z" && statement.goneReason == "expiry")
        #expect(statement.exitPolicy == ["reject *:25", "accept *:*"] && statement.address == "192.0.2.9:9001" && statement.fingerprint == "AAAABBBB")
        #expect(statement.steps.count == 5 && statement.excerpt.entries.count { $0.contains(" ") } == 5 && statement.head.number == 8)
        #expect(!statement.excerpt.entries.contains { $0.contains(Self.other.description) })
    }

    @Test("nothing is told of a mote that the audit does not know")
    func unknown() {
        #expect(Statement.make(of: MoteKey(high: 5, low: 5), lines: Self.lines, descriptors: [], admission: nil, manifest: nil, now: Self.now) == nil)
    }

    @Test("a manifest is taken along if it is of the image that was booted")
    func manifests() throws {
        #expect(try statement(manifest: "{\"digest\": \"\(Self.image)\"}").image.manifest != nil)
        #expect(try statement(manifest: "{\"digest\": \"other\"}").image.manifest == nil)
    }

    @Test("what is signed is verified, and no byte of it can be changed")
    func signatures() throws {
        let key = Ed25519Key(), file = try SignedStatement.make(try statement(), key), verified = try SignedStatement.verify(file)
        #expect(verified.statement == (try statement()))
        #expect(throws: SignedStatement.Fault.otherKey(verified.publicKey)) { try SignedStatement.verify(file, publicKey: String(repeating: "0", count: 64)) }
        var random = SeededRandom(seed: 7)
        for _ in 0..<300 {
            var changed = file
            changed[Int.random(in: 0..<file.count, using: &random)] ^= UInt8(1 << Int.random(in: 0..<7, using: &random))
            if let other = try? SignedStatement.verify(changed) { #expect(other.statement == verified.statement && other.publicKey == verified.publicKey) }
        }
    }

    @Test("openssl takes the signature for one of the key that is named")
    func independent() throws {
        let folder = FileManager.default.temporaryDirectory.path + "/disclosure-\(UUID().uuidString)"
        try Files.makeFolder(folder)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Files.replace(folder + "/file", with: try SignedStatement.make(try statement(), Ed25519Key()))
        let script = """
            import json, subprocess, sys
            f = json.load(open(sys.argv[1] + '/file')); d = sys.argv[1]
            open(d + '/body', 'w').write(f['statement']); open(d + '/sig', 'wb').write(bytes.fromhex(f['signature']))
            open(d + '/key', 'wb').write(bytes.fromhex('302a300506032b6570032100' + f['publicKey']))
            sys.exit(subprocess.run(['openssl', 'pkeyutl', '-verify', '-pubin', '-keyform', 'DER', '-inkey', d + '/key', '-rawin', '-in', d + '/body', '-sigfile', d + '/sig'],
                                    stdout=subprocess.DEVNULL).returncode)
            """
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        process.arguments = ["-c", script, folder]
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
    }

    @Test("a statement whose lines do not lead to the end that it names is refused, whoever signed it")
    func wrongExcerpt() throws {
        var statement = try statement()
        statement.head.number += 1
        #expect { try SignedStatement.verify(try SignedStatement.make(statement, Ed25519Key())) } throws: {
            if case SignedStatement.Fault.excerpt = $0 { true } else { false }
        }
    }

    @Test("the page loads nothing, runs nothing, and lets nobody's words become its own")
    func page() throws {
        let html = StatementPage.html(try statement([Self.descriptor("accept <script>alert(1)</script>\"&*:*")]), publicKey: "k")
        #expect(!html.contains("<script") && html.contains("&lt;script&gt;") && html.contains("default-src 'none'"))
        for word in ["http:", "https:", "src=", "href=", "url(", "@import"] { #expect(!html.contains(word), "\(word)") }
    }

    @Test("every answer is filled, for motes that are there, that are gone, and that nobody could use", arguments: AbuseReply.all.map(\.name))
    func replies(_ name: String) throws {
        let reply = try #require(AbuseReply.named(name))
        var alive = try statement()
        alive.gone = nil
        for statement in [try statement(), alive, try statement([])] {
            let text = reply.text(statement)
            #expect(!text.contains("{") && !text.contains("}") && text.hasPrefix("Hello,"))
        }
        #expect(reply.text(try statement()).contains("192.0.2.9:9001"))
    }
}
