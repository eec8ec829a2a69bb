import Ambience
import Enrolment
import EnrolmentService
import Foundation
import FreePorts
import Leasing
import OwnThread
import Testing

/// Programs that share no memory with the server: an independent peer, and `mote` itself.
@Suite("Enrolment between processes", .onItsOwnThread)
struct ProcessTests {
    private static let patience: Int64 = 120
    private static let mote = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().appendingPathComponent("mote").path

    private func wait(for what: String, _ condition: () throws -> Bool) async throws {
        let end = SystemTime().wall + Self.patience
        while try !condition() {
            try #require(SystemTime().wall < end, "no \(what)")
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    private func start(_ program: String, _ arguments: [String], log: String? = nil) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        if let log {
            _ = FileManager.default.createFile(atPath: log, contents: nil)
            process.standardOutput = FileHandle(forWritingAtPath: log)
            process.standardError = FileHandle(forWritingAtPath: log)
        }
        return process
    }

    @Test("what strangers and thieves try with Python and openssl fails, and the mote itself gets in")
    func independentPeer() async throws {
        let scratch = try Scratch()
        let server = try EnrolmentServer(folder: scratch.path + "/enrolment", listen: ServerTests.loopback)
        defer { server.stop() }
        let order = try server.admit(ServerTests.lease(), attempt: 1, torrc: "Address {address}\n")
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Fleet/enrolment.py").path
        let process = try start("/usr/bin/python3", [script], log: scratch.path + "/findings"), input = Pipe()
        process.standardInput = input
        try process.run()
        try input.fileHandleForWriting.write(contentsOf: Data(order.text.utf8))
        try input.fileHandleForWriting.close()
        try await wait(for: "end of the peer") { !process.isRunning }
        let findings = try Files.readText(scratch.path + "/findings")
        #expect(process.terminationStatus == 0 && findings.isEmpty, "\(findings)")
        #expect(server.admission(of: order.mote)?.enrolled?.evidence["platform"] == Array("none".utf8))
    }

    @Test("'mote --enrol' becomes a relay, outlives its coordinator, is known again, and does as it is told")
    func mote() async throws {
        let scratch = try Scratch(), port = try #require(FreePorts.next()), lease = ServerTests.lease()
        let torrc = """
            ORPort 127.0.0.1:\(port)
            Address {address}
            SocksPort 0
            AssumeReachable 1
            PublishServerDescriptor 0
            TestingTorNetwork 1
            MoteExpires \(lease.expires.rfc3339)
            ShutdownWaitLength 1
            Log notice stdout
            DirAuthority nobody orport=1 no-v2 v3ident=\(String(repeating: "A", count: 40)) 127.0.0.1:1 \(String(repeating: "B", count: 40))

            """
        let first = try EnrolmentServer(folder: scratch.path + "/enrolment", listen: ServerTests.loopback)
        try Files.replace(scratch.path + "/order", with: try first.admit(lease, attempt: 1, torrc: torrc).text)
        let mote = try start(Self.mote, ["--enrol", scratch.path + "/order", "--DataDirectory", scratch.path + "/data"], log: scratch.path + "/log")
        try mote.run()
        defer { if mote.isRunning { kill(mote.processIdentifier, SIGKILL) } }
        try await wait(for: "relay identity") { first.admission(of: lease.key)?.enrolled?.names != nil }
        #expect(!Files.exists(scratch.path + "/order"))
        let fingerprint = try Files.readText(scratch.path + "/data/fingerprint")
        let rsa = try #require(first.admission(of: lease.key)?.enrolled?.names?.rsa)
        #expect(fingerprint.contains(rsa.map { String(format: "%02X", $0) }.joined()))
        #expect(first.report(of: lease.key)?.isDraining == false)
        first.stop()

        // Longer than its patience with one answer would be too long here: that it runs on, and comes back, shows as much.
        try await wait(for: "word that the coordinator is lost") { try Files.readText(scratch.path + "/log").contains("Lost the coordinator") }
        #expect(mote.isRunning)
        let second = try EnrolmentServer(folder: scratch.path + "/enrolment", listen: ServerTests.loopback)
        defer { second.stop() }
        try await wait(for: "report to the new coordinator") { second.report(of: lease.key) != nil }
        #expect(try second.order(.stop, lease.key))
        try await wait(for: "end") { !mote.isRunning }
        #expect(mote.terminationStatus == 0)
    }

    @Test("a mote that is told of an earlier end is gone by then")
    func shortened() async throws {
        let scratch = try Scratch(), port = try #require(FreePorts.next()), lease = ServerTests.lease()
        let server = try EnrolmentServer(folder: scratch.path + "/enrolment", listen: ServerTests.loopback)
        defer { server.stop() }
        let torrc = "ORPort 127.0.0.1:\(port)\nAddress {address}\nSocksPort 0\nAssumeReachable 1\nTestingTorNetwork 1\nMoteExpires \(lease.expires.rfc3339)\nDirAuthority nobody orport=1 no-v2 v3ident="
            + String(repeating: "A", count: 40) + " 127.0.0.1:1 " + String(repeating: "B", count: 40) + "\n"
        try Files.replace(scratch.path + "/order", with: try server.admit(lease, attempt: 1, torrc: torrc).text)
        let mote = try start(Self.mote, ["--enrol", scratch.path + "/order", "--DataDirectory", scratch.path + "/data"], log: scratch.path + "/log")
        try mote.run()
        defer { if mote.isRunning { kill(mote.processIdentifier, SIGKILL) } }
        try await wait(for: "report") { server.report(of: lease.key) != nil }
        #expect(try server.order(.nothing, endsBy: SystemTime().wall + 4, lease.key))
        try await wait(for: "end") { !mote.isRunning }
        #expect(SystemTime().wall < lease.expires && mote.terminationStatus == 0)
        #expect(try Files.readText(scratch.path + "/log").contains("The time of this mote is over"))
    }
}
