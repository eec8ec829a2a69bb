internal import CSodium

/// What may be kept of a password: Argon2id (RFC 9106) as libsodium writes it, `$argon2id$v=19$…`, with its salt and cost.
package enum Argon2Hash {
    private static let passes = UInt64(crypto_pwhash_opslimit_interactive())
    private static let textBytes = Int(crypto_pwhash_strbytes())

    /// 64 MiB and about a tenth of a second, each time. `nil` for an empty password.
    package static func make(_ password: [UInt8]) -> String? {
        _ = Sodium.ready
        var text = [CChar](repeating: 0, count: textBytes)
        let code = password.withUnsafeBytes { bytes in
            bytes.bindMemory(to: CChar.self).baseAddress.map { crypto_pwhash_str(&text, $0, UInt64(password.count), passes, crypto_pwhash_memlimit_interactive()) }
        }
        precondition(code != -1, "64 MiB for a password's hash")
        return code.map { _ in String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) }
    }

    /// Whether the text is a hash of this kind whose cost is what `make` asks for: a costlier one would be a stranger's way to our memory.
    package static func isHash(_ text: String) -> Bool {
        guard text.hasPrefix("$argon2id$"), text.utf8.count < textBytes, !text.utf8.contains(0) else { return false }
        return text.withCString { crypto_pwhash_str_needs_rehash($0, passes, crypto_pwhash_memlimit_interactive()) } == 0
    }

    /// Costs what `make` does, whatever the answer.
    package static func matches(_ hash: String, _ password: [UInt8]) -> Bool {
        _ = Sodium.ready
        guard isHash(hash) else { return false }
        return password.withUnsafeBytes { bytes in
            bytes.bindMemory(to: CChar.self).baseAddress.map { start in hash.withCString { crypto_pwhash_str_verify($0, start, UInt64(password.count)) } }
        } == 0
    }
}
