internal import CSodium

/// XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03): bytes that only the owner of a key can read, and nobody can change unnoticed.
package enum XChaCha20Poly1305 {
    package static let keyBytes = Int(crypto_aead_xchacha20poly1305_ietf_KEYBYTES)
    package static let nonceBytes = Int(crypto_aead_xchacha20poly1305_ietf_NPUBBYTES)
    /// Bytes that what is sealed is longer.
    package static let tagBytes = Int(crypto_aead_xchacha20poly1305_ietf_ABYTES)

    /// - Parameters:
    ///   - nonce: 24 bytes, never twice with one key.
    ///   - data: what is not hidden, but must be the same when it is opened.
    package static func seal(_ message: [UInt8], key: SecretBytes, nonce: [UInt8], data: [UInt8]) -> [UInt8] {
        precondition(key.count == keyBytes && nonce.count == nonceBytes, "a key of 32 bytes and a nonce of 24")
        _ = Sodium.ready
        var sealed = [UInt8](repeating: 0, count: message.count + tagBytes)
        _ = key.read { crypto_aead_xchacha20poly1305_ietf_encrypt(&sealed, nil, message, UInt64(message.count), data, UInt64(data.count), nil, nonce, $0) }
        return sealed
    }

    /// `nil` for what was not sealed with this key, nonce and data, or was changed since.
    package static func open(_ sealed: [UInt8], key: SecretBytes, nonce: [UInt8], data: [UInt8]) -> [UInt8]? {
        guard key.count == keyBytes, nonce.count == nonceBytes, sealed.count >= tagBytes else { return nil }
        _ = Sodium.ready
        var message = [UInt8](repeating: 0, count: sealed.count - tagBytes)
        let code = key.read { crypto_aead_xchacha20poly1305_ietf_decrypt(&message, nil, nil, sealed, UInt64(sealed.count), data, UInt64(data.count), nonce, $0) }
        return code == 0 ? message : nil
    }
}
