package import Ambience
package import Directory
package import Sealing

/// An authority's signing key and the certificate by which its long-term identity vouches for it.
///
/// The files lie where tor-gencert puts them: `authority_signing_key` and `authority_certificate`, and, only on the machine
/// that makes certificates, `authority_identity_key`. The identity key is never needed to run.
package struct AuthorityKeys {
    package let signingKey: RSAKey
    package let certificate: KeyCertificate

    /// A key with its certificate, which must be for it.
    package init(signingKey: RSAKey, certificate: KeyCertificate) {
        self.signingKey = signingKey
        self.certificate = certificate
    }

    private static let identityBits = 3072
    private static let signingBits = 2048
    private static let monthSeconds: Int64 = 30 * 86400

    /// The `v3ident` of DirAuthority lines.
    package var identity: RSAIdentity { certificate.identity }

    /// Reads both files from the node's `keys` folder and checks that they belong together.
    package static func load(keysFolder: String, now: WallTime) throws(AuthorityFailure) -> AuthorityKeys {
        let keyPath = "\(keysFolder)/authority_signing_key"
        let certificatePath = "\(keysFolder)/authority_certificate"
        guard let key = RSAKey(pem: try read(keyPath)) else { throw AuthorityFailure("\(keyPath) holds no unencrypted RSA key") }
        let text = try read(certificatePath)
        let certificate: KeyCertificate
        do throws(DocumentError) { certificate = try KeyCertificate(text) } catch { throw AuthorityFailure("\(certificatePath): \(error)") }
        guard certificate.signingKeyDigest.bytes == key.publicKey.fingerprint else { throw AuthorityFailure("\(certificatePath) is for another signing key than \(keyPath)") }
        guard now < certificate.expires else { throw AuthorityFailure("\(certificatePath) expired on \(certificate.expires)") }
        return AuthorityKeys(signingKey: key, certificate: certificate)
    }

    /// Makes identity key, signing key and certificate in `keysFolder`. An identity key that is already there is used again, so
    /// that running this a second time renews the certificate.
    ///
    /// - Parameter address: address and DirPort that the certificate names.
    package static func create(keysFolder: String, address: SocketAddress?, months: Int64 = 12, now: WallTime) throws(AuthorityFailure) -> AuthorityKeys {
        let identityPath = "\(keysFolder)/authority_identity_key"
        do throws(FileError) { try Files.makeFolder(keysFolder) } catch { throw AuthorityFailure("\(error)") }
        let identityKey = Files.exists(identityPath) ? RSAKey(pem: try read(identityPath)) : RSAKey.generate(bits: identityBits)
        guard let identityKey else { throw AuthorityFailure("\(identityPath) holds no unencrypted RSA key") }
        let signingKey = RSAKey.generate(bits: signingBits)
        let certificate: KeyCertificate
        do throws(DocumentError) {
            certificate = try KeyCertificate.make(
                identityKey: identityKey, signingKey: signingKey, address: address, published: now, expires: now + months * monthSeconds)
        } catch { throw AuthorityFailure("cannot make a certificate: \(error)") }
        do throws(FileError) {
            try Files.replace(identityPath, with: identityKey.pem)
            try Files.replace("\(keysFolder)/authority_signing_key", with: signingKey.pem)
            try Files.replace("\(keysFolder)/authority_certificate", with: certificate.text)
        } catch { throw AuthorityFailure("\(error)") }
        return AuthorityKeys(signingKey: signingKey, certificate: certificate)
    }

    private static func read(_ path: String) throws(AuthorityFailure) -> [UInt8] {
        do throws(FileError) { return try Files.read(path) } catch { throw AuthorityFailure("\(error)") }
    }
}

/// Why an authority cannot run, for its operator.
package struct AuthorityFailure: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}
