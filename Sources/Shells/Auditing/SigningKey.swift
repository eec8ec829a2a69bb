internal import Ambience
internal import Bytes
package import Sealing

/// The coordinator's own Ed25519 key, with which it signs what it hands out. Made at the first use, for its owner only.
package enum SigningKey {
    private static let seedBytes = 32

    package static func take(_ path: String) throws -> Ed25519Key {
        if !Files.exists(path) {
            var seed = SecureRandom.bytes(seedBytes)
            defer { seed.wipe() }
            try Files.replace(path, with: Hex.lower(seed) + "\n")
        }
        var text = try Files.read(path)
        defer { text.wipe() }
        guard var seed = Hex.decode(String(decoding: text.prefix(2 * seedBytes), as: UTF8.self)), seed.count == seedBytes else {
            throw FileError(path: path, operation: "find 64 hex digits in", code: 0)
        }
        defer { seed.wipe() }
        return Ed25519Key(seed: seed)
    }
}
