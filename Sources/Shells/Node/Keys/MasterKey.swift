internal import Sealing

/// The Ed25519 identity of a relay on disk: always its public half, and the secret half unless the operator keeps that elsewhere.
struct MasterKey {
    static let publicName = "ed25519_master_id_public_key"
    static let secretName = "ed25519_master_id_secret_key"
    private static let encryptedName = "ed25519_master_id_secret_key_encrypted"

    let files: KeyFiles
    let isOffline: Bool

    /// The secret half; `nil` when it is not here or must not be touched.
    func secret() throws(NodeFailure) -> Ed25519Key? { isOffline ? nil : try files.ed25519(Self.secretName, .masterSecret) }

    /// The public half, which is written where it is missing, from the secret half or from a signing certificate.
    ///
    /// - Returns: `nil` when there is no master key of any kind.
    func publicKey(vouching pair: SigningPair?) throws(NodeFailure) -> [UInt8]? {
        let path = files.directory.key(Self.publicName)
        let stored = try TaggedFile.masterPublic.read(path)
        let known = [stored, try secret()?.publicKey, pair?.master].compactMap(\.self)
        guard let key = known.first else { return nil }
        guard key.count == 32, known.allSatisfy({ $0 == key }) else {
            throw NodeFailure(.badData, "\(files.directory.keys): \(Self.publicName), \(Self.secretName) and ed25519_signing_cert do not belong together")
        }
        if stored == nil { try TaggedFile.masterPublic.write(path, key) }
        return key
    }

    /// A fresh identity.
    func make() throws(NodeFailure) -> Ed25519Key {
        let key = Ed25519Key()
        try files.write(key, Self.secretName, .masterSecret)
        try TaggedFile.masterPublic.write(files.directory.key(Self.publicName), key.publicKey)
        return key
    }

    /// Why no signing key can be made although one is needed.
    var absence: NodeFailure {
        let need = "\(files.directory.keys): there is no signing key that is valid now, and to make one the master key is needed"
        if isOffline { return NodeFailure(.badData, "\(need), but OfflineMasterKey is set: run mote --keygen where the master key is, then copy ed25519_signing_* here") }
        return NodeFailure(.badData, files.exists(Self.encryptedName) ? "\(need): \(Self.encryptedMessage)" : "\(need), but \(Self.secretName) is missing")
    }

    /// For `--keygen`: the secret half, made if there is no identity at all.
    func secretOrNew() throws(NodeFailure) -> Ed25519Key {
        if let key = try secret() { return key }
        if files.exists(Self.encryptedName) { throw NodeFailure(.badData, "\(files.directory.keys): \(Self.encryptedMessage)") }
        guard try publicKey(vouching: nil) == nil else { throw absence }
        return try make()
    }

    private static let encryptedMessage = "\(encryptedName) is protected by a passphrase, which is not supported here; tor --keygen --newpass takes it off"
}
