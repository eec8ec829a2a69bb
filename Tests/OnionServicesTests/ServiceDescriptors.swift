import Ambience
import Bytes
import OnionServices
import Sealing
import Testing

/// Descriptors made here, as a service makes them, with anything about them changed.
struct DescriptorMaker {
    static let now = WallTime("2026-11-21 12:00:00")!

    var blinded = Ed25519Key()
    var signing = Ed25519Key()
    var version = "3"
    var lifetime = "180"
    var revision = "1"
    var certificateKind: UInt8 = 8
    var namesBlindedKey = true
    var expires = now + 3600
    var content = [UInt8](repeating: 7, count: 200)
    var extra = ""

    func text() -> [UInt8] {
        let certificate = TorCertificate.make(kind: certificateKind, subject: signing.publicKey, expires: expires, signer: blinded, includeSigner: namesBlindedKey)
        var text = "hs-descriptor \(version)\ndescriptor-lifetime \(lifetime)\ndescriptor-signing-key-cert\n-----BEGIN ED25519 CERT-----\n"
        text += "\(Base64.encodeLines(certificate.encoded))-----END ED25519 CERT-----\nrevision-counter \(revision)\n\(extra)superencrypted\n"
        text += "-----BEGIN MESSAGE-----\n\(Base64.encodeLines(content))-----END MESSAGE-----\n"
        let signature = signing.sign(Array("Tor onion service descriptor sig v3".utf8) + Array(text.utf8))
        return Array("\(text)signature \(Base64.encode(signature, padded: false))\n".utf8)
    }

    func descriptor() throws -> ServiceDescriptor { try ServiceDescriptor(text(), now: Self.now) }
    var key: Ed25519Identity { Ed25519Identity(blinded.publicKey)! }
}
