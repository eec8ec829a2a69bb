import Ambience
import Authority
import Directory
import Testing

struct AuthorityKeysTests {
    private let now = WallTime(secondsSinceEpoch: 1_800_000_000)

    @Test("Made keys load, and making them again renews the certificate of the same identity")
    func makeAndLoad() throws {
        let folder = try ScratchFolder()
        let made = try AuthorityKeys.create(keysFolder: folder.path + "/keys", address: SocketAddress("127.0.0.1:7100"), months: 12, now: now)
        let loaded = try AuthorityKeys.load(keysFolder: folder.path + "/keys", now: now)
        #expect(loaded.identity == made.identity)
        #expect(loaded.certificate.expires == now + 360 * 86400)
        #expect(loaded.certificate.address == SocketAddress("127.0.0.1:7100"))
        let renewed = try AuthorityKeys.create(keysFolder: folder.path + "/keys", address: nil, now: now + 1)
        #expect(renewed.identity == made.identity && renewed.certificate != made.certificate)
    }

    @Test("Missing, foreign and expired files are told apart")
    func failures() throws {
        let folder = try ScratchFolder()
        func failure(at time: WallTime) -> String? {
            do throws(AuthorityFailure) {
                _ = try AuthorityKeys.load(keysFolder: folder.path, now: time)
                return nil
            } catch { return "\(error)" }
        }
        #expect(failure(at: now)?.contains("authority_signing_key") == true)
        let keys = try AuthorityKeys.create(keysFolder: folder.path, address: nil, now: now)
        #expect(failure(at: keys.certificate.expires)?.contains("expired") == true)
        try Files.remove(folder.path + "/authority_identity_key")
        let certificate = try Files.read(folder.path + "/authority_certificate")
        _ = try AuthorityKeys.create(keysFolder: folder.path, address: nil, now: now)
        try Files.replace(folder.path + "/authority_certificate", with: certificate)
        #expect(failure(at: now)?.contains("another signing key") == true)
    }
}
