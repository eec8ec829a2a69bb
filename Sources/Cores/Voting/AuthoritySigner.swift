package import Sealing

/// What an authority signs votes and consensuses with: the medium-term key, on behalf of the long-term identity.
package struct AuthoritySigner {
    /// SHA-1 of the v3 identity key.
    package let identity: RSAIdentity
    /// SHA-1 of the signing key.
    package let signingKeyDigest: RSAIdentity
    private let key: RSAKey

    /// `nil` when the key's digest has no form, which no real key has.
    package init?(identity: RSAIdentity, signingKey: RSAKey) {
        guard let digest = RSAIdentity(signingKey.publicKey.fingerprint) else { return nil }
        self.identity = identity
        signingKeyDigest = digest
        key = signingKey
    }

    /// PKCS#1 v1.5 over the bare digest.
    func sign(_ digest: [UInt8]) -> [UInt8] { key.sign(digest) }
}
