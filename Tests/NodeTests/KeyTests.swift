import Ambience
import Sealing
import Testing

@testable import Node

@Suite("Keys on disk")
struct KeyTests {
    @Test("a folder that we made is one that stock tor starts on, with the same identities")
    func stockReadsOurs() throws {
        let scratch = try Scratch()
        let keys = try KeyRing(DataDirectory(path: scratch.path), now: SystemTime().wall)
        #expect(stockFingerprint(scratch.path) == Fingerprints.line(keys, nickname: "Unnamed"))
        #expect(stockFingerprint(scratch.path, "ed25519") == "Unnamed \(keys.ed25519Identity)")
        let again = try KeyRing(DataDirectory(path: scratch.path), now: SystemTime().wall)
        #expect(again.signing.publicKey == keys.signing.publicKey, "stock kept our signing key")
        #expect(again.ntor.publicKey == keys.ntor.publicKey)
    }

    @Test("a folder that stock tor made is one that we start on, with the same identities")
    func weReadStock() throws {
        let scratch = try Scratch()
        let rsa = stockFingerprint(scratch.path)
        let ed25519 = stockFingerprint(scratch.path, "ed25519")
        let certificate = try Files.read(scratch.path + "/keys/ed25519_signing_cert")
        let keys = try KeyRing(DataDirectory(path: scratch.path), now: SystemTime().wall)
        #expect(rsa == Fingerprints.line(keys, nickname: "Unnamed"))
        #expect(ed25519 == "Unnamed \(keys.ed25519Identity)")
        #expect(try Files.read(scratch.path + "/keys/ed25519_signing_cert") == certificate, "a fresh signing certificate is kept")
    }

    @Test("keys stay the same from start to start")
    func stable() throws {
        let scratch = try Scratch()
        let first = try KeyRing(DataDirectory(path: scratch.path), now: noon)
        let second = try KeyRing(DataDirectory(path: scratch.path), now: noon + 3600)
        #expect(first.rsaIdentity == second.rsaIdentity && first.ed25519Identity == second.ed25519Identity)
        #expect(first.ntor.publicKey == second.ntor.publicKey && first.tap.publicKey.der == second.tap.publicKey.der)
        #expect(second.onionKeysSince == noon)
    }

    @Test("the signing key is renewed before its certificate ends, the identities never")
    func signingRotation() throws {
        let scratch = try Scratch()
        let keys = try KeyRing(DataDirectory(path: scratch.path), now: noon)
        let first = keys.signing.publicKey
        #expect(try !keys.renew(now: noon + 20 * 86400))
        #expect(try keys.renew(now: noon + 29 * 86400 + 7200))
        #expect(keys.signing.publicKey != first)
        try keys.signingCertificate.verify(signer: keys.ed25519Identity.bytes, now: noon + 58 * 86400)
        let reread = try KeyRing(DataDirectory(path: scratch.path), now: noon + 30 * 86400)
        #expect(reread.signing.publicKey == keys.signing.publicKey)
    }

    @Test("onion keys change after 28 days, and the old ntor key is answered for a week more")
    func onionRotation() throws {
        let scratch = try Scratch()
        let keys = try KeyRing(DataDirectory(path: scratch.path), now: noon)
        let first = keys.ntor.publicKey
        #expect(try keys.renew(now: noon + 28 * 86400))
        #expect(keys.ntorKeys.map(\.publicKey) == [keys.ntor.publicKey, first])
        let restarted = try KeyRing(DataDirectory(path: scratch.path), now: noon + 30 * 86400)
        #expect(restarted.ntorKeys.map(\.publicKey).last == first)
        _ = try keys.renew(now: noon + 35 * 86400)
        #expect(keys.ntorKeys.map(\.publicKey) == [keys.ntor.publicKey])
    }

    @Test(
        "a damaged key file is refused by name and never replaced",
        arguments: ["secret_id_key", "secret_onion_key", "secret_onion_key_ntor", "ed25519_master_id_secret_key", "ed25519_master_id_public_key", "ed25519_signing_secret_key"])
    func damage(_ name: String) throws {
        let scratch = try Scratch()
        let directory = try DataDirectory(path: scratch.path)
        _ = try KeyRing(directory, now: noon)
        let damaged = Array("not a key".utf8)
        try Files.replace(directory.key(name), with: damaged)
        let failure = #expect(throws: NodeFailure.self) { try KeyRing(directory, now: noon) }
        #expect(failure?.kind == .badData && failure?.description.contains(name) == true)
        #expect(try Files.read(directory.key(name)) == damaged)
    }

    @Test("a relay without the master key runs as long as its signing key does, and never makes a new identity by accident")
    func missingMaster() throws {
        let scratch = try Scratch()
        let directory = try DataDirectory(path: scratch.path)
        let first = try KeyRing(directory, now: noon)
        try Files.remove(directory.key("ed25519_master_id_secret_key"))
        let second = try KeyRing(directory, now: noon + 29 * 86400 + 7200)
        #expect(second.ed25519Identity == first.ed25519Identity)
        #expect(second.warning(now: noon + 29 * 86400 + 7200)?.contains("master key") == true)
        let failure = #expect(throws: NodeFailure.self) { try KeyRing(directory, now: noon + 31 * 86400) }
        #expect(failure?.description.contains("ed25519_master_id_secret_key is missing") == true)
    }

    @Test("onion keys live as long as the consensus says, within stock's limits")
    func onionLives() throws {
        let scratch = try Scratch()
        let keys = try KeyRing(DataDirectory(path: scratch.path), now: noon)
        let lives = OnionKeyLives(rotationDays: 2, graceDays: 1)
        let first = keys.ntor.publicKey
        #expect(try !keys.renew(now: noon + 2 * 86400 - 1, onionKeys: lives))
        #expect(try keys.renew(now: noon + 2 * 86400, onionKeys: lives))
        _ = try keys.renew(now: noon + 3 * 86400 - 1, onionKeys: lives)
        #expect(keys.ntorKeys.map(\.publicKey).last == first)
        _ = try keys.renew(now: noon + 3 * 86400, onionKeys: lives)
        #expect(keys.ntorKeys.count == 1)
        #expect(OnionKeyLives(rotationDays: 0, graceDays: 50) == OnionKeyLives(rotationDays: 1, graceDays: 1))
        #expect(OnionKeyLives(rotationDays: 1000, graceDays: 50) == OnionKeyLives(rotationDays: 90, graceDays: 50))
    }

    @Test("wiping leaves no key behind")
    func wipe() throws {
        let scratch = try Scratch()
        let directory = try DataDirectory(path: scratch.path)
        _ = try KeyRing(directory, now: noon)
        #expect(KeyRemains.wipe(directory).isEmpty)
        #expect(try Files.list(directory.keys).isEmpty)
    }
}
