package import Ambience
package import Directory
package import Sealing
package import Torrc

/// All long-lived keys of a relay, in memory and on disk: made on first use, then read, then rotated.
///
/// Lives (tor-spec.txt 1.1, cert-spec.txt): the RSA and Ed25519 identities last as long as the data directory; the signing key and its
/// certificate as `KeyPolicy` says; onion keys as the consensus says. The secret half of the Ed25519 identity is read when a signing key
/// is to be made and not kept; without it a relay runs for as long as its signing certificate does.
package final class KeyRing {
    /// Between two tries to replace a signing key that is nearly over, and two warnings on its last day.
    private static let retrySeconds: Int64 = 3600
    /// From so long before the end an operator who keeps the master key elsewhere is warned once a day.
    private static let earlyWarningSeconds: Int64 = 7 * 86400

    package let identity: RSAKey
    package let ed25519Identity: Ed25519Identity
    private var signer: SigningPair
    package private(set) var familyKeys: [Ed25519Key]
    /// Published because authorities demand it; nothing ever answers a handshake with it.
    package private(set) var tap: RSAKey
    package private(set) var ntor: Curve25519Key
    /// The ntor key before, while handshakes made with it are still answered.
    package private(set) var oldNtor: Curve25519Key?
    package private(set) var onionKeysSince: WallTime

    private let master: MasterKey
    private let policy: KeyPolicy
    private var signerTried: WallTime?
    private var warned: WallTime?
    private let files: KeyFiles
    private let state: StateFile

    package var rsaIdentity: RSAIdentity { RSAIdentity(identity.publicKey.fingerprint)! }
    package var signing: Ed25519Key { signer.key }
    package var signingCertificate: TorCertificate { signer.certificate }
    /// What signs descriptors.
    package var descriptorKeys: RelayKeys {
        RelayKeys(
            rsaIdentity: identity, ed25519Identity: ed25519Identity, signingKey: signing, signingCertificate: signingCertificate, onionKey: tap, ntorKey: ntor,
            familyKeys: familyKeys)
    }

    /// Newest first.
    package var ntorKeys: [Curve25519Key] { [ntor] + (oldNtor.map { [$0] } ?? []) }

    /// Reads the keys of `directory`, makes those that are missing, and renews what is due at `now`.
    package init(_ directory: DataDirectory, now: WallTime, policy: KeyPolicy = KeyPolicy()) throws(NodeFailure) {
        self.policy = policy
        files = KeyFiles(directory: directory)
        state = StateFile(path: directory.file("state"))
        master = MasterKey(files: files, isOffline: policy.isMasterOffline)
        identity = try files.rsaOrNew("secret_id_key")
        tap = try files.rsaOrNew("secret_onion_key")
        ntor = try files.ntorOrNew("secret_onion_key_ntor")
        oldNtor = try files.ntor("secret_onion_key_ntor.old")
        onionKeysSince = state.time("LastRotatedOnionKey") ?? now
        signer = try Self.signer(master, now: now, policy: policy)
        ed25519Identity = Ed25519Identity(signer.master)!
        familyKeys = try FamilyKeys.load(policy.families, directory)
        if state.time("LastRotatedOnionKey") == nil { try state.set("LastRotatedOnionKey", "\(now)") }
    }

    /// Replaces what is due at `now`; true when something changed that the descriptor or the link certificates show.
    package func renew(now: WallTime, onionKeys lives: OnionKeyLives = .usual) throws(NodeFailure) -> Bool {
        let renewedOnion = try renewOnionKeys(now: now, lives)
        if oldNtor != nil, now - onionKeysSince >= lives.graceSeconds { oldNtor = nil }
        return try renewSigner(now: now) || renewedOnion
    }

    /// Reads family keys again, and a signing key that the operator may have put there; true when the descriptor changes.
    package func reread(now: WallTime, families: FamilyOptions) throws(NodeFailure) -> Bool {
        let loaded = try FamilyKeys.load(families, files.directory)
        let isChanged = loaded.map(\.publicKey) != familyKeys.map(\.publicKey)
        familyKeys = loaded
        return try takeFromDisk(now: now) || isChanged
    }

    /// What the operator must be told of a signing key that we cannot replace; seldom enough to be logged as it comes.
    package func warning(now: WallTime) -> String? {
        let left = signingCertificate.expires - now
        guard left < Self.earlyWarningSeconds, policy.isMasterOffline || !signer.isFresh(at: now, lifetimeSeconds: policy.signingLifetimeSeconds) else { return nil }
        guard warned.map({ now - $0 >= (left < 86400 ? Self.retrySeconds : 86400) || now < $0 }) ?? true else { return nil }
        warned = now
        let how = "run mote --keygen where the master key is, copy ed25519_signing_* to \(files.directory.keys) and send SIGHUP"
        return left > 0 ? "The signing key is over at \(signingCertificate.expires) UTC and cannot be replaced without the master key: \(how)" : "The signing key is over, nobody believes this relay any more: \(how)"
    }

    // MARK: Signing key

    private static func signer(_ master: MasterKey, now: WallTime, policy: KeyPolicy) throws(NodeFailure) -> SigningPair {
        let lifetime = policy.signingLifetimeSeconds
        let stored = try SigningPair.read(master.files)
        let publicKey = try master.publicKey(vouching: stored)
        if let stored, stored.isFresh(at: now, lifetimeSeconds: lifetime) { return stored }
        if let secret = try master.secret() { return try SigningPair.make(master.files, master: secret, now: now, lifetimeSeconds: lifetime) }
        if let stored, stored.isValid(at: now) { return stored }
        guard publicKey == nil, !policy.isMasterOffline else { throw master.absence }
        return try SigningPair.make(master.files, master: try master.make(), now: now, lifetimeSeconds: lifetime)
    }

    private func renewSigner(now: WallTime) throws(NodeFailure) -> Bool {
        guard !signer.isFresh(at: now, lifetimeSeconds: policy.signingLifetimeSeconds) else { return false }
        guard signerTried.map({ now - $0 >= Self.retrySeconds || now < $0 }) ?? true else { return false }
        signerTried = now
        if try takeFromDisk(now: now) { return true }
        guard let secret = try master.secret(), secret.publicKey == ed25519Identity.bytes else { return false }
        signer = try SigningPair.make(files, master: secret, now: now, lifetimeSeconds: policy.signingLifetimeSeconds)
        return true
    }

    /// A signing key that lasts longer than ours and is vouched for by the same master.
    private func takeFromDisk(now: WallTime) throws(NodeFailure) -> Bool {
        guard let stored = try SigningPair.read(files), stored.master == signer.master, stored.certificate.expires > signer.certificate.expires else { return false }
        signer = stored
        return true
    }

    // MARK: Onion keys

    private func renewOnionKeys(now: WallTime, _ lives: OnionKeyLives) throws(NodeFailure) -> Bool {
        guard now - onionKeysSince >= lives.rotationSeconds else { return false }
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
}
