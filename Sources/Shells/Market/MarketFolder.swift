internal import Ambience
internal import CLinux
internal import Glibc
package import Sealing

/// Where an exchange's state lies: its seed, its terms, its keys, its database. Mode 0700; one exchange at a time.
package final class MarketFolder: Sendable {
    package enum Failure: Error, CustomStringConvertible {
        /// Another exchange runs here.
        case inUse(String)
        /// Others may read it.
        case open(String)
        /// No seed's 32 bytes.
        case badSeed(String)

        package var description: String {
            switch self {
            case .inUse(let path): "another exchange is running with \(path); stop it first, or name another folder with --state"
            case .open(let path): "\(path) is open to others and holds keys: chmod 700 it, or name another folder with --state"
            case .badSeed(let path): "\(path) does not hold the 32 bytes of an exchange's seed: bring it back from your backup"
            }
        }
    }

    package let path: String
    private let lock: Int32

    package var terms: String { path + "/terms" }
    package var database: String { path + "/market.sqlite" }
    var keys: String { path + "/keys" }
    private var seed: String { path + "/seed" }

    /// Makes what is missing, and keeps others out until the process ends.
    package init(_ path: String) throws {
        self.path = path
        try Files.makeFolder(path)
        var facts = stat()
        guard stat(path, &facts) == 0, facts.st_uid == geteuid(), facts.st_mode & 0o077 == 0 else { throw Failure.open(path) }
        lock = dc_open(path + "/lock", O_RDWR | O_CREAT, 0o600)
        guard lock >= 0 else { throw FileError(path: path + "/lock", operation: "open", code: errno) }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            close(lock)
            throw Failure.inUse(path)
        }
        try Files.makeFolder(keys)
    }

    deinit { close(lock) }

    /// What all of an exchange's keys come from or are sealed with, except RSA's. Made at the first start; keep a copy elsewhere.
    package func secrets() throws -> MarketSecrets {
        if !Files.exists(seed) {
            var bytes = SecureRandom.bytes(32)
            defer { bytes.wipe() }
            try Files.replace(seed, with: bytes)
        }
        var bytes = try Files.read(seed)
        defer { bytes.wipe() }
        guard bytes.count == 32 else { throw Failure.badSeed(seed) }
        return MarketSecrets(SecretBytes(bytes))
    }
}

/// An exchange's own keys, each a function of its seed.
package struct MarketSecrets: Sendable {
    private let seed: SecretBytes

    package init(_ seed: SecretBytes) { self.seed = seed }

    private func part(_ purpose: String) -> SecretBytes { Digest.expandSHA512(secret: seed, info: Array("dust-exchange-1 \(purpose)".utf8), count: 32) }

    /// From which keys of the VOPRF are derived.
    package var issuer: SecretBytes { part("issuer") }

    /// Signs checkpoints.
    package var log: Ed25519Key {
        var seed = part("log").copy
        defer { seed.wipe() }
        return Ed25519Key(seed: seed)
    }

    /// Orders are sealed to it.
    package var seal: Curve25519Key { key("seal") }
    /// RSA keys on disk are.
    var storage: Curve25519Key { key("storage") }

    private func key(_ purpose: String) -> Curve25519Key {
        var bytes = part(purpose).copy
        defer { bytes.wipe() }
        return Curve25519Key(secret: bytes)!
    }
}
