internal import CSodium

/// A message that only the owner of a key can open, from nobody: libsodium's sealed box (an ephemeral X25519 key, XSalsa20 and Poly1305).
package enum SealedBox {
    /// Bytes that a box is longer than its message.
    package static let overheadBytes = 48

    /// `nil` for a key that is no point of use.
    package static func seal(_ message: [UInt8], to publicKey: [UInt8]) -> [UInt8]? {
        guard publicKey.count == Curve25519Key.bytes else { return nil }
        _ = Sodium.ready
        var box = [UInt8](repeating: 0, count: message.count + overheadBytes)
        return crypto_box_seal(&box, message, UInt64(message.count), publicKey) == 0 ? box : nil
    }

    /// Likewise, and the same box each time: its ephemeral key comes from a secret seed, the message and whom it is for, so that other messages have other keys.
    package static func seal(_ message: [UInt8], to publicKey: [UInt8], seed: [UInt8]) -> [UInt8]? {
        guard publicKey.count == Curve25519Key.bytes else { return nil }
        _ = Sodium.ready
        var own = Digest.sha256(seed + publicKey + Digest.sha256(message)), secret = [UInt8](repeating: 0, count: Curve25519Key.bytes)
        var ephemeral = [UInt8](repeating: 0, count: Curve25519Key.bytes), nonce = [UInt8](repeating: 0, count: Int(crypto_box_NONCEBYTES))
        defer {
            own.wipe()
            secret.wipe()
        }
        guard crypto_box_seed_keypair(&ephemeral, &secret, own) == 0 else { return nil }
        let both = ephemeral + publicKey
        var sealed = [UInt8](repeating: 0, count: message.count + overheadBytes - ephemeral.count)
        guard crypto_generichash(&nonce, nonce.count, both, UInt64(both.count), nil, 0) == 0, crypto_box_easy(&sealed, message, UInt64(message.count), nonce, publicKey, secret) == 0 else { return nil }
        return ephemeral + sealed
    }

    /// `nil` for what was not sealed to this key, or was changed since. Costs one multiplication.
    package static func open(_ box: [UInt8], with key: Curve25519Key) -> [UInt8]? {
        guard box.count >= overheadBytes else { return nil }
        _ = Sodium.ready
        var message = [UInt8](repeating: 0, count: box.count - overheadBytes)
        return key.secret.read { crypto_box_seal_open(&message, box, UInt64(box.count), key.publicKey, $0) } == 0 ? message : nil
    }
}
