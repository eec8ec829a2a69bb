internal import CLinux
internal import Glibc

/// Whole small files, read and replaced. A replaced file is either the old or the new one after a crash, never a mixture.
package enum Files {
    /// The largest file that is read whole.
    package static let readLimitBytes = 256 << 20

    package static func read(_ path: String) throws(FileError) -> [UInt8] {
        let fd = dc_open(path, O_RDONLY, 0)
        guard fd >= 0 else { throw FileError(path: path, operation: "open", code: errno) }
        defer { close(fd) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Glibc.read(fd, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw FileError(path: path, operation: "read", code: errno) }
            guard count > 0 else { return bytes }
            bytes.append(contentsOf: chunk[..<count])
            guard bytes.count <= readLimitBytes else { throw FileError(path: path, operation: "read", code: EFBIG) }
        }
    }

    package static func readText(_ path: String) throws(FileError) -> String { String(decoding: try read(path), as: UTF8.self) }

    /// Writes beside the target, syncs, renames over it and syncs the folder.
    package static func replace(_ path: String, with bytes: [UInt8], mode: UInt32 = 0o600) throws(FileError) {
        let draft = path + ".tmp"
        let fd = dc_open(draft, O_WRONLY | O_CREAT | O_TRUNC, mode)
        guard fd >= 0 else { throw FileError(path: draft, operation: "create", code: errno) }
        do throws(FileError) {
            try writeAll(fd, bytes, path: draft)
            guard fsync(fd) == 0 else { throw FileError(path: draft, operation: "fsync", code: errno) }
        } catch {
            close(fd)
            unlink(draft)
            throw error
        }
        close(fd)
        guard rename(draft, path) == 0 else { throw FileError(path: path, operation: "rename", code: errno) }
        try syncFolder(of: path)
    }

    package static func replace(_ path: String, with text: String, mode: UInt32 = 0o600) throws(FileError) {
        try replace(path, with: Array(text.utf8), mode: mode)
    }

    /// Appends and syncs: when this returns, the bytes survive a crash.
    package static func append(_ path: String, _ bytes: [UInt8], mode: UInt32 = 0o600) throws(FileError) {
        let fd = dc_open(path, O_WRONLY | O_CREAT | O_APPEND, mode)
        guard fd >= 0 else { throw FileError(path: path, operation: "open", code: errno) }
        defer { close(fd) }
        try writeAll(fd, bytes, path: path)
        guard fdatasync(fd) == 0 else { throw FileError(path: path, operation: "fdatasync", code: errno) }
    }

    package static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    package static func remove(_ path: String) throws(FileError) {
        guard unlink(path) == 0 || errno == ENOENT else { throw FileError(path: path, operation: "remove", code: errno) }
    }

    /// Makes the folder and its parents where they are missing; an existing folder is left as it is.
    package static func makeFolder(_ path: String, mode: UInt32 = 0o700) throws(FileError) {
        if mkdir(path, mode) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
            throw FileError(path: path, operation: "mkdir", code: errno)
        }
        try makeFolder(String(path[..<slash]), mode: mode)
        guard mkdir(path, mode) == 0 || errno == EEXIST else { throw FileError(path: path, operation: "mkdir", code: errno) }
    }

    /// Names in the folder, sorted, without `.` and `..`.
    package static func list(_ path: String) throws(FileError) -> [String] {
        guard let folder = opendir(path) else { throw FileError(path: path, operation: "opendir", code: errno) }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    private static func writeAll(_ fd: Int32, _ bytes: [UInt8], path: String) throws(FileError) {
        var offset = 0
        while offset < bytes.count {
            let count = bytes[offset...].withUnsafeBytes { write(fd, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw FileError(path: path, operation: "write", code: errno) }
            offset += count
        }
    }

    private static func syncFolder(of path: String) throws(FileError) {
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        let fd = dc_open(folder.isEmpty ? "/" : folder, O_RDONLY | O_DIRECTORY, 0)
        guard fd >= 0 else { throw FileError(path: folder, operation: "open", code: errno) }
        defer { close(fd) }
        guard fsync(fd) == 0 else { throw FileError(path: folder, operation: "fsync", code: errno) }
    }
}

/// What failed, on which path, and the system's reason.
package struct FileError: Error, CustomStringConvertible {
    package let path: String
    package let operation: String
    /// `errno`.
    package let code: Int32

    package init(path: String, operation: String, code: Int32) {
        self.path = path
        self.operation = operation
        self.code = code
    }

    package var isMissing: Bool { code == ENOENT }
    package var description: String { "\(operation) \(path): \(String(cString: strerror(code)))" }
}
