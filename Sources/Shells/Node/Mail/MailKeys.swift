internal import Ambience
internal import CLinux
internal import Glibc
internal import Mixing
internal import Sealing

/// What a mote with mail keeps secret: all of it comes from 32 bytes that lie in memory only. They outlive the process, so that one that is killed goes on,
/// and not the machine's power: whoever takes the disk away finds nothing that can be read.
final class MailKeys {
    private static let seedBytes = 32
    /// File systems that are nowhere else.
    private static let inMemory: Set<Substring> = ["tmpfs", "ramfs"]

    private let path: String
    private let seed: SecretBytes
    let mix: MixKey

    /// - Parameters:
    ///   - folder: `nil`: one of this data directory's in /dev/shm.
    ///   - isDiskAllowed: takes a folder that is not in memory.
    init(folder: String?, dataDirectory: String, isDiskAllowed: Bool) throws(NodeFailure) {
        let folder = folder ?? Self.usualFolder(dataDirectory)
        _ = try DataDirectory(path: folder, keys: folder)
        guard isDiskAllowed || Self.isInMemory(folder) else {
            throw NodeFailure(.configuration, "MoteMailKeyFolder: \(folder) is on a disk, which would outlive the letters' secrecy: name a folder on a tmpfs, or give MoteMailKeysOnDisk 1")
        }
        path = folder + "/seed"
        do throws(FileError) { seed = try Self.read(path) } catch { throw NodeFailure(error) }
        guard seed.count == Self.seedBytes else { throw NodeFailure(.badData, "\(path) must hold \(Self.seedBytes) bytes: remove it, and letters that are held here are lost") }
        var secret = Self.part(seed, "mix").copy
        defer { secret.wipe() }
        guard let key = MixKey(secret: secret), let same = Curve25519Key(secret: secret) else { preconditionFailure("that many bytes") }
        (mix, agreement) = (key, same)
    }

    /// For a spool of this purpose.
    func spool(_ purpose: String) -> SecretBytes { Self.part(seed, "spool \(purpose)") }

    /// The same key as `mix`, for what boxes agree on.
    let agreement: Curve25519Key

    /// At the end of the mote's time.
    func forget() throws(FileError) { try Files.remove(path) }

    private static func part(_ seed: SecretBytes, _ purpose: String) -> SecretBytes { Digest.expandSHA512(secret: seed, info: Array("dust-mail-1 \(purpose)".utf8), count: 32) }

    private static func read(_ path: String) throws(FileError) -> SecretBytes {
        if !Files.exists(path) {
            var fresh = SecureRandom.bytes(seedBytes)
            defer { fresh.wipe() }
            try Files.replace(path, with: fresh)
        }
        var bytes = try Files.read(path)
        defer { bytes.wipe() }
        return SecretBytes(bytes)
    }

    private static func usualFolder(_ dataDirectory: String) -> String {
        "/dev/shm/dustcloud-\(geteuid())-" + Digest.sha256(Array(dataDirectory.utf8)).prefix(8).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }

    /// By the mount that has the folder's device (proc(5), mountinfo: the third word, and the first behind the dash).
    private static func isInMemory(_ folder: String) -> Bool {
        var facts = stat()
        guard stat(folder, &facts) == 0, let mounts = try? Files.readText("/proc/self/mountinfo") else { return false }
        let major = facts.st_dev >> 8 & 0xFFF, minor = facts.st_dev & 0xFF | facts.st_dev >> 12 & 0xFFF00
        return mounts.split(separator: "\n").contains { line in
            let words = line.split(separator: " ")
            guard words.count > 3, words[2] == "\(major):\(minor)", let dash = words.firstIndex(of: "-"), dash + 1 < words.count else { return false }
            return inMemory.contains(words[dash + 1])
        }
    }
}
