package import Ambience
package import Directory
package import Sealing

/// All long-lived keys of a relay, in memory and on disk: made on first use, then read, then rotated.
///
/// Lives (tor-spec.txt 1.1, cert-spec.txt): the RSA and Ed25519 identities last as long as the data directory; the signing key and its
/// certificate `signingLifetime`; onion keys 28 days plus 7 days in which the old ntor key is still answered.
package final class KeyRing {
    package static let onionLifetimeSeconds: Int64 = 28 * 86400
    package static let onionGraceSeconds: Int64 = 7 * 86400
    /// A signing certificate is replaced when this little of its time is left.
    private static let signingSlopSeconds: Int64 = 86400

    package let identity: RSAKey
    package let master: Ed25519Key
    package private(set) var signing: Ed25519Key
    package private(set) var signingCertificate: TorCertificate
    /// Published because authorities demand it; nothing ever answers a handshake with it.
    package private(set) var tap: RSAKey
    package private(set) var ntor: Curve25519Key
    /// The ntor key before, while handshakes made with it are still answered.
    package private(set) var oldNtor: Curve25519Key?
    package private(set) var onionKeysSince: WallTime

    private let files: KeyFiles
    private let state: StateFile
    private let signingLifetimeSeconds: Int64

    package var rsaIdentity: RSAIdentity { RSAIdentity(identity.publicKey.fingerprint)! }
    package var ed25519Identity: Ed25519Identity { Ed25519Identity(master.publicKey)! }
    /// What signs descriptors.
    package var descriptorKeys: RelayKeys {
        RelayKeys(
            rsaIdentity: identity, ed25519Identity: ed25519Identity, signingKey: signing, signingCertificate: signingCertificate, onionKey: tap, ntorKey: ntor)
    }

    /// Newest first.
    package var ntorKeys: [Curve25519Key] { [ntor] + (oldNtor.map { [$0] } ?? []) }

    /// Reads the keys of `directory`, makes those that are missing, and renews what is due at `now`.
    package init(_ directory: DataDirectory, now: WallTime, signingLifetime: Instant.Span = .seconds(30 * 86400)) throws(NodeFailure) {
        files = KeyFiles(directory: directory)
        state = StateFile(path: directory.file("state"))
        signingLifetimeSeconds = signingLifetime.inMilliseconds / 1000
        identity = try files.rsaOrNew("secret_id_key")
        tap = try files.rsaOrNew("secret_onion_key")
        ntor = try files.ntorOrNew("secret_onion_key_ntor")
        oldNtor = try files.ntor("secret_onion_key_ntor.old")
        master = try Self.master(files)
        onionKeysSince = state.time("LastRotatedOnionKey") ?? now
        let signer = try Self.signer(files, master: master, now: now, lifetimeSeconds: signingLifetimeSeconds)
        signing = signer.key
        signingCertificate = signer.certificate
        if state.time("LastRotatedOnionKey") == nil { try state.set("LastRotatedOnionKey", "\(now)") }
        _ = try renew(now: now)
    }

    /// Replaces what is due at `now`; true when something changed that the descriptor or the link certificates show.
    package func renew(now: WallTime) throws(NodeFailure) -> Bool {
        let renewedSigner = try renewSigner(now: now)
        let renewedOnion = try renewOnionKeys(now: now)
        if oldNtor != nil, now - onionKeysSince >= Self.onionGraceSeconds { oldNtor = nil }
        return renewedSigner || renewedOnion
    }

    private func renewSigner(now: WallTime) throws(NodeFailure) -> Bool {
        guard !Self.isFresh(signingCertificate, now: now, lifetimeSeconds: signingLifetimeSeconds) else { return false }
        let signer = try Self.makeSigner(files, master: master, now: now, lifetimeSeconds: signingLifetimeSeconds)
        signing = signer.key
        signingCertificate = signer.certificate
        return true
    }

    private func renewOnionKeys(now: WallTime) throws(NodeFailure) -> Bool {
        guard now - onionKeysSince >= Self.onionLifetimeSeconds else { return false }
        try files.move("secret_onion_key", to: "secret_onion_key.old")
        try files.move("secret_onion_key_ntor", to: "secret_onion_key_ntor.old")
        oldNtor = ntor
        tap = RSAKey.generate(bits: 1024)
        ntor = Curve25519Key()
        try files.write(tap, "secret_onion_key")
        try files.write(ntor, "secret_onion_key_ntor")
        onionKeysSince = now
        try state.set("LastRotatedOnionKey", "\(now)")
        return true
    }

    private static func master(_ files: KeyFiles) throws(NodeFailure) -> Ed25519Key {
        let stored = try TaggedFile.masterPublic.read(files.directory.key("ed25519_master_id_public_key"))
        if let key = try files.ed25519("ed25519_master_id_secret_key", .masterSecret) {
            guard stored == nil || stored == key.publicKey else {
                throw NodeFailure(.badData, "\(files.directory.keys): ed25519_master_id_public_key does not belong to ed25519_master_id_secret_key")
            }
            if stored == nil { try TaggedFile.masterPublic.write(files.directory.key("ed25519_master_id_public_key"), key.publicKey) }
            return key
        }
        guard stored == nil else {
            throw NodeFailure(.badData, "\(files.directory.keys): ed25519_master_id_secret_key is missing; offline master keys are not supported")
        }
        let key = Ed25519Key()
        try files.write(key, "ed25519_master_id_secret_key", .masterSecret)
        try TaggedFile.masterPublic.write(files.directory.key("ed25519_master_id_public_key"), key.publicKey)
        return key
    }

    private typealias Signer = (key: Ed25519Key, certificate: TorCertificate)

    private static func signer(_ files: KeyFiles, master: Ed25519Key, now: WallTime, lifetimeSeconds: Int64) throws(NodeFailure) -> Signer {
        if let key = try files.ed25519("ed25519_signing_secret_key", .signingSecret),
            let bytes = try TaggedFile.signingCertificate.read(files.directory.key("ed25519_signing_cert")),
            let certificate = try? TorCertificate(bytes), certificate.kind == TorCertificate.Kind.signingKey, certificate.subject == key.publicKey,
            (try? certificate.verify(signer: master.publicKey, now: now)) != nil, isFresh(certificate, now: now, lifetimeSeconds: lifetimeSeconds)
        {
            return (key, certificate)
        }
        return try makeSigner(files, master: master, now: now, lifetimeSeconds: lifetimeSeconds)
    }

    private static func isFresh(_ certificate: TorCertificate, now: WallTime, lifetimeSeconds: Int64) -> Bool {
        certificate.expires - now > min(signingSlopSeconds, lifetimeSeconds / 4)
    }

    private static func makeSigner(_ files: KeyFiles, master: Ed25519Key, now: WallTime, lifetimeSeconds: Int64) throws(NodeFailure) -> Signer {
        let key = Ed25519Key()
        let certificate = TorCertificate.make(
            kind: TorCertificate.Kind.signingKey, subject: key.publicKey, expires: now + lifetimeSeconds, signer: master, includeSigner: true)
        try files.write(key, "ed25519_signing_secret_key", .signingSecret)
        try TaggedFile.signingCertificate.write(files.directory.key("ed25519_signing_cert"), certificate.encoded)
        return (key, certificate)
    }
}
