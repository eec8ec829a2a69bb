package import Ambience
internal import Bytes
package import Sealing

/// Which Ed25519 identity goes with which RSA identity: a relay may not reuse one with a new other (stock's key pinning).
///
/// Kept in `key-pinning-journal`, one pair a line, appended before the relay is told that it was accepted. Lines that are cut
/// short or odd are passed over.
package final class KeyPins {
    package enum Match { case new, known, mismatch }

    /// At the bound the older half of the pairs that no current relay uses is forgotten.
    static let limit = 200_000

    private var ed25519: [RSAIdentity: Ed25519Identity] = [:]
    private var rsa: [Ed25519Identity: RSAIdentity] = [:]
    /// Oldest first.
    private var order: [RSAIdentity] = []
    private let path: String
    private var endsInLine = true

    /// Reads the journal; a missing one is empty.
    package init(path: String) throws(FileError) {
        self.path = path
        let bytes: [UInt8]
        do throws(FileError) { bytes = try Files.read(path) } catch {
            guard error.isMissing else { throw error }
            return
        }
        endsInLine = bytes.isEmpty || bytes.last == 0x0A
        for line in bytes.split(separator: 0x0A) { if let pair = Self.pair(line) { remember(pair.rsa, pair.ed25519) } }
    }

    package var count: Int { ed25519.count }

    package func match(_ identity: RSAIdentity, _ master: Ed25519Identity) -> Match {
        if ed25519[identity] == master, rsa[master] == identity { return .known }
        return ed25519[identity] == nil && rsa[master] == nil ? .new : .mismatch
    }

    /// Pins a new pair; on disk when this returns. `isInUse` tells which relays are current, should old pairs have to go.
    package func pin(_ identity: RSAIdentity, _ master: Ed25519Identity, isInUse: (RSAIdentity) -> Bool) throws(FileError) {
        guard match(identity, master) == .new else { return }
        if ed25519.count >= Self.limit { try compact(isInUse: isInUse) }
        try Files.append(path, Array(((endsInLine ? "" : "\n") + Self.line(identity, master)).utf8))
        endsInLine = true
        remember(identity, master)
    }

    private func remember(_ identity: RSAIdentity, _ master: Ed25519Identity) {
        guard match(identity, master) == .new else { return }
        ed25519[identity] = master
        rsa[master] = identity
        order.append(identity)
    }

    private func compact(isInUse: (RSAIdentity) -> Bool) throws(FileError) {
        let old = order.prefix(order.count / 2).filter { !isInUse($0) }
        for identity in old {
            if let master = ed25519.removeValue(forKey: identity) { rsa[master] = nil }
        }
        order = order.filter { ed25519[$0] != nil }
        let lines = order.compactMap { identity in ed25519[identity].map { Self.line(identity, $0) } }
        try Files.replace(path, with: lines.joined())
        endsInLine = true
    }

    private static func line(_ identity: RSAIdentity, _ master: Ed25519Identity) -> String { "\(Base64.encode(identity.bytes, padded: false)) \(master)\n" }

    private static func pair(_ line: ArraySlice<UInt8>) -> (rsa: RSAIdentity, ed25519: Ed25519Identity)? {
        let words = line.split(separator: 0x20).map { String(decoding: $0, as: UTF8.self) }
        guard words.count == 2, let identity = Base64.decode(words[0]).flatMap({ RSAIdentity($0) }), let master = Base64.decode(words[1]).flatMap({ Ed25519Identity($0) })
        else { return nil }
        return (identity, master)
    }
}
