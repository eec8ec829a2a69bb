import Ambience
import FreePorts
import Glibc

/// A stock tor that is the only directory authority of a network on loopback. It lists whatever is uploaded to it.
final class StockAuthority {
    struct Failure: Error { let reason: String }

    let folder: String
    let dirPort: UInt16
    /// Its `v3ident`.
    private(set) var identity = ""
    private var tor: pid_t = 0

    init() throws {
        folder = "/tmp/dust-authority-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        dirPort = try Self.freePort()
        try Files.makeFolder(folder)
        try Files.makeFolder(folder + "/keys")
        try Files.replace(folder + "/passphrase", with: "only for this test\n")
        let keys = folder + "/keys/authority_"
        try wait(for: spawn([
            "tor-gencert", "--create-identity-key", "-m", "12", "-a", "127.0.0.1:\(dirPort)", "--passphrase-fd", "0", "-i", keys + "identity_key", "-s",
            keys + "signing_key", "-c", keys + "certificate",
        ]))
        identity = try Files.readText(keys + "certificate").split(separator: "\n").first { $0.hasPrefix("fingerprint ") }.map { String($0.dropFirst(12)) } ?? ""
        let anyone = "x 127.0.0.1:1 " + String(repeating: "f", count: 40)
        try wait(for: spawn(["tor", "--list-fingerprint", "--orport", "1", "--dirauthority", anyone, "--datadirectory", folder, "--quiet"]))
        let fingerprint = try Files.readText(folder + "/fingerprint").split(separator: " ").last.map { $0.filter { $0 != "\n" } } ?? ""
        try Files.replace(folder + "/torrc", with: torrc(fingerprint: fingerprint, orPort: Self.freePort()))
        tor = try spawn(["tor", "-f", folder + "/torrc"])
    }

    private static func freePort() throws -> UInt16 {
        guard let port = FreePorts.next() else { throw Failure(reason: "no port is free") }
        return port
    }

    func stop() {
        kill(tor, SIGTERM)
        var status: Int32 = 0
        for _ in 0..<50 where waitpid(tor, &status, WNOHANG) == 0 { usleep(100_000) }
        if kill(tor, 0) == 0 { kill(tor, SIGKILL) }
        try? wait(for: spawn(["rm", "-rf", folder]))
    }

    private func torrc(fingerprint: String, orPort: UInt16) -> String {
        """
        __OwningControllerProcess \(getpid())
        TestingTorNetwork 1
        DataDirectory \(folder)
        DirAuthority auth orport=\(orPort) no-v2 v3ident=\(identity) 127.0.0.1:\(dirPort) \(fingerprint)
        Nickname auth
        Address 127.0.0.1
        AddressDisableIPv6 1
        ShutdownWaitLength 0
        SafeLogging 0
        ProtocolWarnings 1
        Log notice file \(folder)/log
        SocksPort 0
        AuthoritativeDirectory 1
        V3AuthoritativeDirectory 1
        ContactInfo auth@test.test
        ORPort 127.0.0.1:\(orPort)
        DirPort 127.0.0.1:\(dirPort)
        ExitRelay 0
        AssumeReachable 1
        AuthDirTestReachability 0
        TestingV3AuthInitialVotingInterval 5
        TestingV3AuthInitialVoteDelay 2
        TestingV3AuthInitialDistDelay 2
        V3AuthVotingInterval 10
        V3AuthVoteDelay 2
        V3AuthDistDelay 2
        V3AuthNIntervalsValid 3
        """ + "\n"
    }

    /// Everything the authority has said.
    var log: String { (try? Files.readText(folder + "/log")) ?? "" }

    /// The document at this path; empty when there is none.
    func get(_ path: String) -> [UInt8] {
        guard let answer = LoopbackClient.exchange(port: dirPort, request: "GET \(path) HTTP/1.0\r\n\r\n", body: []), answer.status.hasPrefix("200") else { return [] }
        return answer.body
    }

    /// Status and reason phrase of the answer to an upload.
    func post(_ body: [UInt8]) -> String {
        LoopbackClient.exchange(port: dirPort, request: "POST /tor/ HTTP/1.0\r\nContent-Length: \(body.count)\r\n\r\n", body: body)?.status ?? "no answer"
    }

    /// Asks again until `ready` says yes, at most `seconds` long.
    func wait<T>(seconds: Int, for ready: () throws -> T?) throws -> T {
        for _ in 0..<seconds * 4 {
            if let value = try ready() { return value }
            usleep(250_000)
        }
        throw Failure(reason: "nothing after \(seconds) s; the authority's log:\n\(log)")
    }

    /// Starts a program with the passphrase file as its input and its output thrown away.
    private func spawn(_ arguments: [String]) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, folder + "/passphrase", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        var words = arguments.map { strdup($0) } + [nil]
        defer { words.forEach { free($0) } }
        var pid: pid_t = 0
        let code = posix_spawnp(&pid, arguments[0], &actions, nil, &words, environ)
        guard code == 0 else { throw Failure(reason: "\(arguments[0]) does not start: \(String(cString: strerror(code)))") }
        return pid
    }

    private func wait(for pid: pid_t) throws {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        guard status == 0 else { throw Failure(reason: "a helper program ended with status \(status)") }
    }
}
