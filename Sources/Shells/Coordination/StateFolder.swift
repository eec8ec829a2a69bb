internal import Ambience
internal import CLinux
internal import Glibc

/// Where a cloud's state lies: the database, the lock, the logs and one folder per node.
package struct StateFolder: Sendable {
    package let path: String

    package var database: String { path + "/state.sqlite" }
    package var motes: String { path + "/motes" }
    package var enrolments: String { path + "/enrolments" }
    package var yard: String { path + "/yard" }
    package var coordinatorLog: String { path + "/coordinator.log" }
    /// What was done, line by line, each tied to the one before.
    package var audit: String { path + "/audit" }
    /// What the coordinator signs with.
    package var signingKey: String { path + "/signing-key" }
    /// What is kept of motes after they are gone.
    package var history: String { path + "/history" }
    var lock: String { path + "/lock" }

    /// Makes the folder, mode 0700, or takes the one that is there if it is ours alone. The path becomes absolute, without links.
    package init(_ path: String) throws(CoordinationError) {
        do throws(FileError) { try Files.makeFolder(path) } catch { throw CoordinationError(.cannotCreate, "\(error)") }
        guard let resolved = realpath(path, nil) else { throw CoordinationError(.cannotCreate, "\(path): \(String(cString: strerror(errno)))") }
        defer { free(resolved) }
        let absolute = String(cString: resolved)
        // A torrc takes the rest of a line as a path, and a '#' or a quote in it as something else.
        guard !absolute.utf8.contains(where: { $0 < 0x20 || [0x22, 0x23, 0x5C].contains($0) }) else {
            throw CoordinationError(.usage, "the state folder's path must not hold quotes, backslashes, '#' or control characters: \(absolute)")
        }
        self.path = absolute
        try checkOwner()
        do throws(FileError) { try Files.makeFolder(motes) } catch { throw CoordinationError(.cannotCreate, "\(error)") }
    }

    private func checkOwner() throws(CoordinationError) {
        var facts = stat()
        guard stat(path, &facts) == 0 else { throw CoordinationError(.cannotCreate, "\(path): \(String(cString: strerror(errno)))") }
        guard facts.st_uid == geteuid() else { throw CoordinationError(.noPermission, "\(path) belongs to somebody else") }
        guard facts.st_mode & 0o077 == 0 else {
            throw CoordinationError(.noPermission, "\(path) is open to others; it will hold keys: chmod 700 it, or name another folder with --state")
        }
    }
}

/// The right to act on a state folder. The system takes it back when the process ends, however it ends.
///
/// The descriptor is close-on-exec, but a child holds it until it has become another program. So whoever gets the lock after a
/// crash knows that no start is under way that it could not see.
package struct StateLock: ~Copyable {
    /// Five seconds.
    private static let tries = 100
    private static let pauseMicroseconds: UInt32 = 50_000

    private let fd: Int32

    /// `nil` while another process holds it. Whoever only looks holds it for an instant, too, and so does a child of a coordinator that was killed: those are waited for.
    package init?(_ folder: StateFolder) throws(CoordinationError) {
        fd = dc_open(folder.lock, O_RDWR | O_CREAT, 0o600)
        guard fd >= 0 else { throw CoordinationError(.cannotCreate, "\(folder.lock): \(String(cString: strerror(errno)))") }
        guard Self.take(fd, folder) else {
            close(fd)
            return nil
        }
        ftruncate(fd, 0)
        let text = Array("\(getpid())\n".utf8)
        _ = text.withUnsafeBytes { pwrite(fd, $0.baseAddress, $0.count, 0) }
    }

    deinit { close(fd) }

    private static func take(_ fd: Int32, _ folder: StateFolder) -> Bool {
        for _ in 0..<tries {
            if flock(fd, LOCK_EX | LOCK_NB) == 0 { return true }
            if let pid = holder(folder), kill(pid, 0) == 0 || errno == EPERM { return false }
            usleep(pauseMicroseconds)
        }
        return false
    }

    /// Who holds the lock, as far as the file tells. For messages only.
    package static func holder(_ folder: StateFolder) -> Int32? {
        let fd = dc_open(folder.lock, O_RDWR, 0)
        guard fd >= 0 else { return nil }
        defer { close(fd) }
        guard flock(fd, LOCK_SH | LOCK_NB) != 0 else { return nil }
        return (try? Files.readText(folder.lock)).flatMap { Int32($0.split(separator: "\n").first ?? "") }
    }
}
