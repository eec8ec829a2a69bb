internal import Ambience
internal import CLinux
internal import Glibc

/// The folder of a node, held by at most one node at a time. Files lie where stock tor puts them.
package final class DataDirectory {
    package let path: String
    package let keys: String
    private var lock: Int32 = -1

    /// Makes the folders where they are missing and refuses ones that others can enter.
    package init(path: String, keys: String? = nil) throws(NodeFailure) {
        self.path = path
        self.keys = keys ?? path + "/keys"
        try Self.prepare(self.path)
        try Self.prepare(self.keys)
    }

    deinit { release() }

    /// Keeps the folder for this process until it ends. Stock tor takes the same lock on the same file.
    package func hold() throws(NodeFailure) {
        let fd = dc_open(file("lock"), O_RDWR | O_CREAT, 0o600)
        guard fd >= 0 else { throw NodeFailure(FileError(path: file("lock"), operation: "open", code: errno)) }
        guard flock(fd, LOCK_EX | LOCK_NB) == 0 else {
            close(fd)
            throw NodeFailure(.busy, "another node is running on \(path) (it holds \(file("lock")))")
        }
        lock = fd
    }

    package func release() {
        guard lock >= 0 else { return }
        close(lock)
        lock = -1
    }

    package func file(_ name: String) -> String { path + "/" + name }
    package func key(_ name: String) -> String { keys + "/" + name }

    private static func prepare(_ folder: String) throws(NodeFailure) {
        do throws(FileError) { try Files.makeFolder(folder, mode: 0o700) } catch { throw NodeFailure(error) }
        var facts = stat()
        guard stat(folder, &facts) == 0 else { throw NodeFailure(FileError(path: folder, operation: "stat", code: errno)) }
        guard facts.st_mode & S_IFMT == S_IFDIR else { throw NodeFailure(.cannotCreate, "\(folder) is no folder") }
        guard facts.st_uid == geteuid() else {
            throw NodeFailure(.permission, "\(folder) belongs to user \(facts.st_uid), not to user \(geteuid()) who runs this node")
        }
        guard facts.st_mode & 0o077 != 0 else { return }
        guard chmod(folder, 0o700) == 0 else {
            throw NodeFailure(.permission, "others can enter \(folder) (mode \(String(facts.st_mode & 0o777, radix: 8))), and that cannot be changed")
        }
    }
}
