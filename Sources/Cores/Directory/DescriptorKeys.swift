internal import Ambience
internal import Bytes
internal import Sealing

/// The keys in a descriptor, after every proof that they belong together has been checked.
struct DescriptorKeys {
    let rsa: RSAPublicKey
    let identity: RSAIdentity
    let master: Ed25519Identity
    /// Certificate of the medium-term signing key.
    let signing: TorCertificate
    let onion: RSAPublicKey?
    let ntor: [UInt8]
    /// The earliest end of the certificates.
    let expires: WallTime

    init(_ document: NetDocument) throws(DocumentError) {
        rsa = try document.one("signing-key").rsaKey(bits: 1024...1024)
        identity = try Self.identity(rsa, document)
        (master, signing) = try Self.master(document)
        onion = try Self.onion(document, rsa: rsa, master: master)
        ntor = try document.one("ntor-onion-key").key32()
        guard !ntor.allSatisfy({ $0 == 0 }) else { throw .invalid("ntor-onion-key", "all zero") }
        let cross = try Self.ntorCross(document, ntor: ntor, master: master)
        expires = min(signing.expires, cross.expires)
    }

    private static func identity(_ rsa: RSAPublicKey, _ document: NetDocument) throws(DocumentError) -> RSAIdentity {
        guard let identity = RSAIdentity(rsa.fingerprint) else { throw .invalid("signing-key", "no digest") }
        guard let line = try document.optional("fingerprint") else { return identity }
        let hex = line.words.joined()
        guard hex.utf8.count == 40, RSAIdentity(hex: hex) == identity else { throw .invalid("fingerprint", "does not match signing-key") }
        return identity
    }

    /// The certificate of the signing key, right behind the first line, and the master key in it.
    static func master(_ document: NetDocument) throws(DocumentError) -> (Ed25519Identity, TorCertificate) {
        let item = try document.one("identity-ed25519")
        guard document.items.count >= 2, document.items[1].span == item.span else { throw .misplaced("identity-ed25519") }
        let certificate = try item.certificate("ED25519 CERT", kind: TorCertificate.Kind.signingKey)
        guard let key = certificate.signingKey, let master = Ed25519Identity(key), Ed25519.isValidPoint(key) else { throw .invalid("identity-ed25519", "no master key") }
        try certificate.verifySignature(signer: key, of: "identity-ed25519")
        if let line = try document.optional("master-key-ed25519"), try line.key32() != key { throw .invalid("master-key-ed25519", "does not match the certificate") }
        return (master, certificate)
    }

    private static func onion(_ document: NetDocument, rsa: RSAPublicKey, master: Ed25519Identity) throws(DocumentError) -> RSAPublicKey? {
        let item = try document.optional("onion-key")
        let cross = try document.optional("onion-key-crosscert")
        guard let item, let cross else {
            guard item == nil, cross == nil else { throw .missing(item == nil ? "onion-key" : "onion-key-crosscert") }
            return nil
        }
        let key = try item.rsaKey(bits: 1024...1024)
        guard key.verify(try cross.data("CROSSCERT"), of: crossDigest(rsa, master)) else { throw .badSignature("onion-key-crosscert") }
        return key
    }

    /// What the TAP key signs to show that it belongs to both identities.
    static func crossDigest(_ rsa: RSAPublicKey, _ master: Ed25519Identity) -> [UInt8] { rsa.fingerprint + master.bytes }

    private static func ntorCross(_ document: NetDocument, ntor: [UInt8], master: Ed25519Identity) throws(DocumentError) -> TorCertificate {
        let item = try document.one("ntor-onion-key-crosscert")
        guard let bit = Decimal.parse(try item.words(atLeast: 1)[0], in: 0...UInt8(1)) else { throw .invalid(item.keyword, "sign bit is neither 0 nor 1") }
        let certificate = try item.certificate("ED25519 CERT", kind: TorCertificate.Kind.ntorOnionKey)
        guard certificate.subject == master.bytes else { throw .invalid(item.keyword, "is not about the master key") }
        guard let signer = Ed25519.publicKey(fromCurve25519: ntor, signBit: bit) else { throw .invalid("ntor-onion-key", "no Ed25519 form") }
        try certificate.verifySignature(signer: signer, of: item.keyword)
        return certificate
    }
}
