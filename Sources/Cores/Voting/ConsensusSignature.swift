internal import Bytes
package import Directory
package import Sealing

/// One authority's signature on a consensus.
package struct ConsensusSignature: Equatable, Sendable {
    /// SHA-1 of the v3 identity key.
    package let identity: RSAIdentity
    /// SHA-1 of the signing key.
    package let signingKeyDigest: RSAIdentity
    package let signature: [UInt8]

    package init(identity: RSAIdentity, signingKeyDigest: RSAIdentity, signature: [UInt8]) {
        self.identity = identity
        self.signingKeyDigest = signingKeyDigest
        self.signature = signature
    }
}

/// A consensus that is computed and collects signatures until enough authorities have signed the same bytes.
package struct PendingConsensus: Sendable {
    package let flavour: ConsensusFlavour
    /// Through `directory-signature `.
    package let signedText: [UInt8]
    /// By identity.
    package private(set) var signatures: [ConsensusSignature] = []

    package init(_ computation: ConsensusComputation) {
        flavour = computation.flavour
        signedText = computation.signedText
    }

    /// What is signed: SHA-1 for ns, SHA-256 for microdesc (dir-spec 3.9.2).
    package var digest: [UInt8] { flavour == .ns ? Digest.sha1(signedText) : Digest.sha256(signedText) }

    package mutating func sign(_ signer: AuthoritySigner) {
        insert(ConsensusSignature(identity: signer.identity, signingKeyDigest: signer.signingKeyDigest, signature: signer.sign(digest)))
    }

    /// Takes another authority's signature if it is one over these bytes. `key` is that authority's signing key.
    @discardableResult
    package mutating func add(_ signature: ConsensusSignature, key: RSAPublicKey) -> Bool {
        guard key.fingerprint == signature.signingKeyDigest.bytes, key.verify(signature.signature, of: digest) else { return false }
        insert(signature)
        return true
    }

    private mutating func insert(_ signature: ConsensusSignature) {
        signatures.removeAll { $0.identity == signature.identity }
        signatures.append(signature)
        signatures.sort { $0.identity < $1.identity }
    }

    /// Whether more than half of `authorityCount` have signed.
    package func isSigned(authorityCount: Int) -> Bool { signatures.count > authorityCount / 2 }

    /// The document with all signatures.
    package var text: [UInt8] {
        var lines = TextLines()
        lines.bytes = signedText
        for (index, signature) in signatures.enumerated() {
            if index > 0 { lines.begin("directory-signature ") }
            signature.write(to: &lines, algorithm: flavour.signatureAlgorithm)
        }
        return lines.bytes
    }
}

extension ConsensusSignature {
    /// The rest of the line and the object.
    func write(to lines: inout TextLines, algorithm: String?) {
        lines.end((algorithm.map { [$0] } ?? []).joined() + (algorithm == nil ? "" : " ") + "\(identity) \(signingKeyDigest)")
        lines.object("SIGNATURE", signature)
    }
}

extension ConsensusFlavour {
    /// Named on signature lines, except for SHA-1.
    var signatureAlgorithm: String? { self == .ns ? nil : "sha256" }
}
