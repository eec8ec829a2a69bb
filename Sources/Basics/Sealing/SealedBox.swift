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

    /// `nil` for what was not sealed to this key, or was changed since. Costs one multiplication.
    package static func open(_ box: [UInt8], with key: Curve25519Key) -> [UInt8]? {
        guard box.count >= overheadBytes else { return nil }
        _ = Sodium.ready
        var message = [UInt8](repeating: 0, count: box.count - overheadBytes)
        return key.secret.read { crypto_box_seal_open(&message, box, UInt64(box.count), key.publicKey, $0) } == 0 ? message : nil
    }
}
