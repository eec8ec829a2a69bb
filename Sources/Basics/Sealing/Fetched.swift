internal import COpenSSL

/// OpenSSL's algorithms, looked up once. Named by its older functions each use looks them up again, by name, under a lock.
// SAFETY: made once, never changed and never freed; OpenSSL counts references to them atomically.
enum Fetched {
    nonisolated(unsafe) static let sha1 = digest("SHA1")
    nonisolated(unsafe) static let sha256 = digest("SHA256")
    nonisolated(unsafe) static let sha384 = digest("SHA384")
    nonisolated(unsafe) static let sha512 = digest("SHA512")
    nonisolated(unsafe) static let sha512_256 = digest("SHA512-256")
    nonisolated(unsafe) static let sha3_256 = digest("SHA3-256")
    nonisolated(unsafe) static let shake256 = digest("SHAKE256")
    nonisolated(unsafe) static let aes128CTR = cipher("AES-128-CTR")
    nonisolated(unsafe) static let aes256CTR = cipher("AES-256-CTR")
    nonisolated(unsafe) static let aes128ECB = cipher("AES-128-ECB")

    private static func digest(_ name: String) -> OpaquePointer {
        guard let found = EVP_MD_fetch(nil, name, nil) else { fatalError("OpenSSL has no \(name)") }
        return found
    }

    private static func cipher(_ name: String) -> OpaquePointer {
        guard let found = EVP_CIPHER_fetch(nil, name, nil) else { fatalError("OpenSSL has no \(name)") }
        return found
    }
}
