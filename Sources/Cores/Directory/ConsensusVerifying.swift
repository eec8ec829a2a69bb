package import Ambience
package import Sealing

extension Consensus {
    /// What became of the signatures.
    package struct Verification: Equatable, Sendable {
        /// Authorities of ours whose signature is right.
        package internal(set) var valid: Set<RSAIdentity> = []
        /// Signatures of our authorities for which a certificate must still be fetched.
        package internal(set) var missing: [Signature] = []
        /// Authorities of ours whose signature is wrong.
        package internal(set) var bad: Set<RSAIdentity> = []
        /// More than half of the configured authorities.
        package let needed: Int

        package var isSufficient: Bool { needed > 0 && valid.count >= needed }
        /// Whether fetching certificates could still make it sufficient.
        package var isHopeful: Bool { Set(missing.map(\.identity)).union(valid).count >= needed }
    }

    /// Checks the signatures of the configured `authorities` (their `v3ident`s) with the certificates at hand; expired ones do not count.
    package func verify(certificates: [KeyCertificate], authorities: Set<RSAIdentity>, now: WallTime) -> Verification {
        var result = Verification(needed: authorities.count / 2 + 1)
        let digests = (sha1: Digest.sha1(signedText), sha256: Digest.sha256(signedText))
        for signature in signatures where authorities.contains(signature.identity) && !result.valid.contains(signature.identity) {
            let certificate = certificates.first { $0.identity == signature.identity && $0.signingKeyDigest == signature.signingKeyDigest && now < $0.expires }
            guard let certificate, let key = RSAPublicKey(der: certificate.signingKey) else {
                result.missing.append(signature)
                continue
            }
            let isGood = key.verify(signature.bytes, of: signature.isSHA256 ? digests.sha256 : digests.sha1)
            if isGood { result.valid.insert(signature.identity) } else { result.bad.insert(signature.identity) }
        }
        return result
    }
}
