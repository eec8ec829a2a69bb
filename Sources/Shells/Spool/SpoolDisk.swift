package import Ambience
internal import CLinux
internal import Glibc

/// The files below a spool: a folder of the system's, or one that tests can cut the power of.
///
/// What `write`, `create` and `remove` did may be undone by lost power until `sync` or `syncFolder` has returned, in any order and in part, and a page of 4,096 bytes
/// that was being written may be anything afterwards, with all that was in it.
package protocol SpoolDisk: AnyObject, Sendable {
    /// Names of the files.
    func list() throws(FileError) -> [String]
    /// A new, empty file.
    func create(_ name: String) throws(FileError) -> any SpoolFile
    func open(_ name: String) throws(FileError) -> any SpoolFile
    func remove(_ name: String) throws(FileError)
    /// Which files there are outlives lost power once this returns.
    func syncFolder() throws(FileError)
}

/// One file of a `SpoolDisk`, kept open as long as anybody has it.
package protocol SpoolFile: AnyObject, Sendable {
    /// After an error any part of it may be there.
    func write(_ bytes: [UInt8], at offset: Int) throws(FileError)
    /// What was written last, even where a sync has failed: then it may be what no disk has, or what was there before. Fewer bytes than asked for where the file ends.
    func read(_ count: Int, at offset: Int) throws(FileError) -> [UInt8]
    /// What was written outlives lost power once this returns. After an error nothing is known of it, for good, whatever later syncs say.
    func sync() throws(FileError)
    func size() throws(FileError) -> Int
}

/// A folder of the system's, with mode 0700.
package final class SpoolFolder: SpoolDisk {
    private let path: String

    /// Makes the folder where it is missing.
    package init(_ path: String) throws(FileError) {
        self.path = path
        try Files.makeFolder(path)
    }

    package func list() throws(FileError) -> [String] { try Files.list(path) }
    package func create(_ name: String) throws(FileError) -> any SpoolFile { try SystemFile("\(path)/\(name)", O_RDWR | O_CREAT | O_EXCL) }
    package func open(_ name: String) throws(FileError) -> any SpoolFile { try SystemFile("\(path)/\(name)", O_RDWR) }
    package func remove(_ name: String) throws(FileError) { try Files.remove("\(path)/\(name)") }

    package func syncFolder() throws(FileError) {
        let fd = dc_open(path, O_RDONLY | O_DIRECTORY, 0)
        guard fd >= 0 else { throw FileError(path: path, operation: "open", code: errno) }
        defer { close(fd) }
        guard fsync(fd) == 0 else { throw FileError(path: path, operation: "fsync", code: errno) }
    }
}

private final class SystemFile: SpoolFile {
    private let path: String
    private let fd: Int32

    init(_ path: String, _ flags: Int32) throws(FileError) {
        self.path = path
        fd = dc_open(path, flags, 0o600)
        guard fd >= 0 else { throw FileError(path: path, operation: "open", code: errno) }
    }

    deinit { if fd >= 0 { close(fd) } }

    func write(_ bytes: [UInt8], at offset: Int) throws(FileError) {
        var done = 0
        while done < bytes.count {
            // SAFETY: as many bytes as there are; the call keeps no pointer.
            let count = bytes[done...].withUnsafeBytes { pwrite(fd, $0.baseAddress, $0.count, offset + done) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw FileError(path: path, operation: "write", code: errno) }
            done += count
        }
    }

    func read(_ count: Int, at offset: Int) throws(FileError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count), done = 0
        while done < count {
            // SAFETY: no more than there is room for; the call keeps no pointer.
            let more = bytes[done...].withUnsafeMutableBytes { pread(fd, $0.baseAddress, $0.count, offset + done) }
            if more < 0, errno == EINTR { continue }
            guard more >= 0 else { throw FileError(path: path, operation: "read", code: errno) }
            guard more > 0 else { break }
            done += more
        }
        bytes.removeLast(count - done)
        return bytes
    }

    func sync() throws(FileError) {
        guard fdatasync(fd) == 0 else { throw FileError(path: path, operation: "fdatasync", code: errno) }
    }

    func size() throws(FileError) -> Int {
        var facts = stat()
        guard fstat(fd, &facts) == 0 else { throw FileError(path: path, operation: "fstat", code: errno) }
        return Int(facts.st_size)
    }
}
