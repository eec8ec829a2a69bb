import Ambience
import Foundation
import FreePorts
import Glibc
import Sealing

/// A stock tor on loopback that lives as long as this object.
final class StockTor {
    let folder: URL
    let orPort: UInt16
    private let pid: pid_t

    /// Starts a relay (or, without `orPort`, a client) whose only directory authority is not there.
    init(name: String, orPort: UInt16, authorityLine: String, lines: [String]) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("dustcloud-\(name)-\(getpid())-\(UInt32.random(in: 0 ... .max))")
        self.folder = folder
        self.orPort = orPort
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let torrc = folder.appendingPathComponent("torrc")
        let common = [
            "TestingTorNetwork 1", "__OwningControllerProcess \(getpid())", "DataDirectory \(folder.path)/data",
            "DirAuthority \(authorityLine)", "Address 127.0.0.1", "AddressDisableIPv6 1", "ShutdownWaitLength 0", "SafeLogging 0", "ProtocolWarnings 1", "Log info file \(folder.path)/log",
        ]
        try (common + lines).joined(separator: "\n").appending("\n").write(to: torrc, atomically: true, encoding: .utf8)
        pid = try Self.spawn(["tor", "-f", torrc.path, "--quiet", "--defaults-torrc", "/nonexistent", "--ignore-missing-torrc"])
    }

    deinit {
        kill(pid, SIGTERM)
        for _ in 0..<100 where waitpid(pid, nil, WNOHANG) == 0 { usleep(20_000) }
        if kill(pid, 0) == 0 {
            kill(pid, SIGKILL)
            waitpid(pid, nil, 0)
        }
        try? FileManager.default.removeItem(at: folder)
    }

    /// Starts a program of the PATH with no signal blocked: tests run on threads that block them all, and a child would inherit that
    /// and never hear SIGTERM.
    private static func spawn(_ arguments: [String]) throws -> pid_t {
        var pid: pid_t = 0
        var attributes = posix_spawnattr_t()
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setsigmask(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        let words = arguments.map { strdup($0) }
        defer { words.forEach { free($0) } }
        let result = posix_spawnp(&pid, arguments[0], nil, &attributes, words + [nil], environ)
        guard result == 0 else { throw LoopbackError(description: "\(arguments[0]) does not start (\(result)): is it installed?") }
        return pid
    }

    static func freePort() throws -> UInt16 {
        guard let port = FreePorts.next() else { throw LoopbackError(description: "no port is free") }
        return port
    }

    /// A relay that no authority knows.
    static func relay(authorityLine: String = deadAuthority) throws -> StockTor {
        let port = try freePort()
        return try StockTor(
            name: "relay", orPort: port, authorityLine: authorityLine,
            lines: [
                "Nickname stock", "ORPort 127.0.0.1:\(port)", "SocksPort 0", "AssumeReachable 1", "ExitRelay 0",
            ])
    }

    static let deadAuthority = "dead orport=9 no-v2 v3ident=\(String(repeating: "1", count: 40)) 127.0.0.1:9 \(String(repeating: "2", count: 40))"

    var log: String { (try? String(contentsOf: folder.appendingPathComponent("log"), encoding: .utf8)) ?? "" }

    /// Lines that say that stock did not like something.
    var warnings: [String] {
        log.split(separator: "\n").map(String.init).filter { $0.contains("[warn]") || $0.contains("[err]") }
            .filter { line in !Self.harmless.contains { line.contains($0) } }
    }

    /// What stock warns about in any private network.
    private static let harmless = [
        "TestingTorNetwork is set", "ContactInfo", "You have used DirAuthority", "you disabled SafeLogging", "running Tor as root",
    ]

    func waits(forLog text: String, seconds: Int = 120) -> Bool {
        for _ in 0..<seconds * 20 {
            if log.contains(text) { return true }
            usleep(50_000)
        }
        return false
    }

    /// Dials its ORPort once it listens.
    func dial(seconds: Int = 120) throws -> Int32 {
        for _ in 0..<seconds * 20 {
            if let fd = Loopback.dial(orPort) { return fd }
            usleep(50_000)
        }
        throw LoopbackError(description: "stock tor does not listen: \(log.suffix(2000))")
    }

    var rsaIdentity: RSAIdentity? { fingerprint("fingerprint").flatMap { RSAIdentity(hex: $0) } }
    var ed25519Text: String? { fingerprint("fingerprint-ed25519") }

    private func fingerprint(_ file: String) -> String? {
        let text = try? String(contentsOf: folder.appendingPathComponent("data/\(file)"), encoding: .utf8)
        return text?.split(whereSeparator: \.isWhitespace).last.map(String.init)
    }
}
