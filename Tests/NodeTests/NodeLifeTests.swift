import Ambience
import Glibc
import OwnThread
import Testing
import Torrc

@testable import Node

/// One node at a time: signals are the process's.
@Suite("A whole node", .serialized, .onItsOwnThread)
struct NodeLifeTests {
    private func torrc(_ folder: String, _ more: String) -> String {
        "DataDirectory \(folder)\nORPort 127.0.0.1:auto\nSocksPort 0\nNickname whole\nAssumeReachable 1\nPidFile \(folder)/pid\n\(more)\n"
    }

    private func node(_ text: String) throws -> Node {
        let source = TorrcSource(path: nil, defaultsPath: nil) { given throws(TorrcError) in
            try Torrc.read([TorrcText.assignments(in: given ?? text, name: "test")])
        } logs: { $0 }
        return try Node(source.read(nil), home: "/nonexistent", source: source, logs: LogOutlets([]))
    }

    @Test("ends by itself with status 0 at its expiry, and takes its keys with it")
    func expires() throws {
        let scratch = try Scratch()
        let begun = SystemTime().now
        #expect(try node(torrc(scratch.path, "MoteLifetime 6 seconds")).run() == 0)
        #expect((5...60).contains((SystemTime().now - begun).inSeconds))
        #expect(try Files.list(scratch.path + "/keys").isEmpty)
        #expect(!Files.exists(scratch.path + "/pid") && !Files.exists(scratch.path + "/mote-status"))
    }

    @Test("does not start when its end is past")
    func past() throws {
        let scratch = try Scratch()
        let failure = #expect(throws: NodeFailure.self) { try node(torrc(scratch.path, "MoteExpires 2020-01-01T00:00:00Z")) }
        #expect(failure?.kind == .expired)
    }

    @Test("stops with status 0 when told to, keeping its keys, and says how it is while it runs")
    func stops() async throws {
        let scratch = try Scratch()
        let text = torrc(scratch.path, "ShutdownWaitLength 5 seconds")
        let pid = getpid()
        let folder = scratch.path
        let watcher = Task.detached {
            defer { kill(pid, SIGTERM) }
            for _ in 0..<600 where !Files.exists(folder + "/mote-status") { try await Task.sleep(for: .milliseconds(100)) }
            let status = try Files.readText(folder + "/mote-status")
            let written = try Files.readText(folder + "/pid")
            return (status, written)
        }
        #expect(try node(text).run() == 0)
        let (status, written) = try await watcher.value
        #expect(status.hasPrefix("{\"pid\":\(pid),") && status.contains("\"draining\":false") && status.contains("\"expires\":null"), "\(status)")
        #expect(written == "\(pid)\n")
        #expect(try Files.list(scratch.path + "/keys").contains("secret_id_key"))
    }

    @Test("two nodes do not share a folder")
    func shared() throws {
        let scratch = try Scratch()
        let first = try node(torrc(scratch.path, ""))
        let failure = #expect(throws: NodeFailure.self) { try node(torrc(scratch.path, "")) }
        #expect(failure?.kind == .busy)
        _ = first
    }
}
