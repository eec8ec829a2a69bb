import Foundation

/// A throw-away PostgreSQL of this test run: its own folder, a socket in that folder and no port. It ends with the run, however that ends.
final class Cluster: @unchecked Sendable {
    struct Unusable: Error, CustomStringConvertible { let description: String }

    static let shared = Result { try Cluster() }
    /// Longer than any machine needs.
    private static let patienceSeconds = 240.0
    private let folder: String
    private let binaries: String
    private let isolated: Bool
    private var keeper: Process?
    private var count = 0

    private init() throws {
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql")) ?? []
        guard let newest = versions.compactMap(Int.init).max() else { throw Unusable(description: "there is no PostgreSQL: make deps") }
        binaries = "/usr/lib/postgresql/\(newest)/bin"
        folder = "/tmp/dustcloud-pg-\(ProcessInfo.processInfo.processIdentifier)"
        // PostgreSQL does not run as root.
        isolated = getuid() == 0
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        if isolated { chown(folder, 65534, 65534) }
        try run("initdb", ["-D", folder + "/data", "-U", "dustcloud", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"])
        try start()
    }

    /// A database of its own for each test.
    func database() throws -> String {
        count += 1
        try run("createdb", ["-h", folder, "-U", "dustcloud", "market\(count)"])
        return address("market\(count)")
    }

    func address(_ name: String) -> String { "postgres://dustcloud@/\(name)?host=\(folder)" }

    // MARK: its life

    /// The keeper ends it when this process is gone, and takes the folder with it.
    private func start() throws {
        let process = Process()
        let words = ["-D", folder + "/data", "-k", folder, "-c", "listen_addresses=", "-c", "shared_buffers=16MB", "-c", "max_connections=100", "-c", "logging_collector=off"]
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        let script = """
            "$@" >/dev/null 2>&1 </dev/null & own=$!
            while kill -0 $own 2>/dev/null; do
                if ! kill -0 $OWNER 2>/dev/null; then kill -QUIT $own; wait; rm -rf "$FOLDER"; exit; fi
                sleep 0.5
            done
            """
        process.arguments = ["-c", script, "sh"] + command("postgres", words)
        process.environment = ProcessInfo.processInfo.environment.merging(["FOLDER": folder, "OWNER": "\(ProcessInfo.processInfo.processIdentifier)", "LC_ALL": "C"]) { $1 }
        // Whoever waits for the end of this run's output must not wait for the keeper.
        (process.standardInput, process.standardOutput, process.standardError) = (FileHandle.nullDevice, FileHandle.nullDevice, FileHandle.nullDevice)
        process.currentDirectoryURL = URL(fileURLWithPath: "/")
        try process.run()
        keeper = process
        try wait(for: "PostgreSQL to start") { (try? run("pg_isready", ["-q", "-h", folder])) != nil }
    }

    /// kill -9 of the server and of everything it started, then a new start: it recovers by itself.
    func crash() throws {
        let file = try String(contentsOfFile: folder + "/data/postmaster.pid", encoding: .utf8)
        guard let master = file.split(separator: "\n").first.flatMap({ Int32($0) }), let old = keeper else { throw Unusable(description: "PostgreSQL has no process") }
        let children = (try? String(contentsOfFile: "/proc/\(master)/task/\(master)/children", encoding: .utf8)) ?? ""
        let processes = [master] + children.split(whereSeparator: \.isWhitespace).compactMap { Int32($0) }
        for process in processes { kill(process, SIGKILL) }
        try wait(for: "PostgreSQL to be gone") { !old.isRunning && processes.allSatisfy { kill($0, 0) != 0 } }
        try start()
    }

    private func wait(for what: String, _ isSo: () -> Bool) throws {
        let end = Date(timeIntervalSinceNow: Self.patienceSeconds)
        while !isSo() {
            guard Date() < end else { throw Unusable(description: "waited too long for \(what)") }
            usleep(20_000)
        }
    }

    // MARK: its programs

    func sql(_ statements: String, at place: String? = nil) throws { try run("psql", ["-q", "-v", "ON_ERROR_STOP=1", "-d", place ?? address("postgres"), "-c", statements]) }

    /// A dump of a database, and another database made from it.
    func dump(_ address: String) throws -> String {
        let name = folder + "/dump\(count)"
        try run("pg_dump", ["-Fc", "-f", name, address])
        return name
    }

    func restore(_ dump: String) throws -> String {
        let address = try database()
        try run("pg_restore", ["-h", folder, "-U", "dustcloud", "-d", "market\(count)", dump])
        return address
    }

    private func command(_ name: String, _ arguments: [String]) -> [String] {
        (isolated ? ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : []) + ["\(binaries)/\(name)"] + arguments
    }

    private func run(_ name: String, _ arguments: [String]) throws {
        let words = command(name, arguments), process = Process(), output = Pipe()
        process.executableURL = URL(fileURLWithPath: words[0])
        process.arguments = Array(words.dropFirst())
        process.environment = ProcessInfo.processInfo.environment.merging(["LC_ALL": "C"]) { $1 }
        process.currentDirectoryURL = URL(fileURLWithPath: "/")
        (process.standardOutput, process.standardError) = (output, output)
        try process.run()
        let said = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Unusable(description: "\(name): \(String(decoding: said, as: UTF8.self))") }
    }
}
