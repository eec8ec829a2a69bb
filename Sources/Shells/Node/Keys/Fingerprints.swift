internal import Ambience
internal import Sealing

/// The files `fingerprint` and `fingerprint-ed25519`, and what `--list-fingerprint` prints.
package enum Fingerprints {
    package static func write(_ keys: RelayKeys, nickname: String, to directory: DataDirectory) throws(NodeFailure) {
        do throws(FileError) {
            try Files.replace(directory.file("fingerprint"), with: "\(nickname) \(keys.rsaIdentity)\n")
            try Files.replace(directory.file("fingerprint-ed25519"), with: "\(nickname) \(keys.ed25519Identity)\n")
        } catch { throw NodeFailure(error) }
    }

    /// `NICKNAME F9E4 262E …`
    package static func line(_ keys: RelayKeys, nickname: String) -> String { "\(nickname) \(grouped("\(keys.rsaIdentity)"))" }

    private static func grouped(_ hex: String) -> String {
        stride(from: 0, to: hex.utf8.count, by: 4).map { String(hex.dropFirst($0).prefix(4)) }.joined(separator: " ")
    }
}
