internal import Ambience
internal import Bytes
internal import Sealing
package import Torrc

/// The files `fingerprint` and `fingerprint-ed25519`, and what `--list-fingerprint` prints.
package enum Fingerprints {
    package static func write(_ keys: KeyRing, nickname: String, to directory: DataDirectory) throws(NodeFailure) {
        do throws(FileError) {
            try Files.replace(directory.file("fingerprint"), with: "\(nickname) \(keys.rsaIdentity)\n")
            try Files.replace(directory.file("fingerprint-ed25519"), with: "\(nickname) \(keys.ed25519Identity)\n")
            try Files.replace(directory.file("hashed-fingerprint"), with: "\(nickname) \(hashed(keys))\n")
        } catch { throw NodeFailure(error) }
    }

    /// What `--list-fingerprint` prints; makes the keys when there are none.
    package static func list(_ configuration: NodeConfiguration, home: String, isEd25519: Bool) throws(NodeFailure) -> String {
        let directory = try DataDirectory(path: configuration.general.dataDirectory ?? home, keys: configuration.general.keyDirectory)
        try directory.hold()
        let keys = try KeyRing(directory, now: SystemTime().wall, policy: KeyPolicy(configuration.relay))
        let nickname = configuration.relay.nickname ?? "Unnamed"
        try write(keys, nickname: nickname, to: directory)
        return isEd25519 ? "\(nickname) \(keys.ed25519Identity)" : line(keys, nickname: nickname)
    }

    /// `NICKNAME F9E4 262E …`
    static func line(_ keys: KeyRing, nickname: String) -> String { "\(nickname) \(grouped("\(keys.rsaIdentity)"))" }

    /// By which a bridge is spoken of where its fingerprint must not be told.
    static func hashed(_ keys: KeyRing) -> String { Hex.upper(Digest.sha1(keys.rsaIdentity.bytes)) }

    private static func grouped(_ hex: String) -> String {
        stride(from: 0, to: hex.utf8.count, by: 4).map { String(hex.dropFirst($0).prefix(4)) }.joined(separator: " ")
    }
}
