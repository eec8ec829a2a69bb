internal import Ambience
internal import CLinux
internal import Glibc

/// Takes a relay's secret keys off the disk at the end of its life.
///
/// Overwriting is the best a process can do: a copying or flash file system may keep old blocks, so a mote's disk should be encrypted
/// or in memory if that matters.
package enum KeyRemains {
    private static let prefixes = ["secret_", "ed25519_", "authority_"]

    /// Overwrites and removes every key file; what cannot be removed is returned.
    package static func wipe(_ directory: DataDirectory) -> [String] {
        let names = (try? Files.list(directory.keys)) ?? []
        return names.filter { name in prefixes.contains { name.hasPrefix($0) } || name.hasSuffix(FamilyKeys.suffix) }.map(directory.key).filter { !erase($0) }
    }

    private static func erase(_ path: String) -> Bool {
        let fd = dc_open(path, O_WRONLY | O_NOFOLLOW, 0)
        if fd >= 0 {
            var facts = stat()
            if fstat(fd, &facts) == 0, facts.st_size > 0, facts.st_size < 1 << 20 {
                let zeros = [UInt8](repeating: 0, count: Int(facts.st_size))
                _ = write(fd, zeros, zeros.count)
                fsync(fd)
            }
            close(fd)
        }
        return unlink(path) == 0
    }
}
