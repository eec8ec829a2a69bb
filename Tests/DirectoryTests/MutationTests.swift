import Ambience
import Sealing
import Testing

@testable import Directory

/// Damaged documents: each parser answers with a value or with its error, and never with a changed document that still verifies.
@Suite struct MutationTests {
    private static let roundsPerDocument = 150

    /// One to three random wounds: a changed, lost or repeated byte, a lost, doubled or moved line, a cut.
    private func damage(_ original: [UInt8], _ random: inout SeededRandom) -> [UInt8] {
        var bytes = original
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            guard !bytes.isEmpty else { break }
            let index = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<7, using: &random) {
            case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
            case 1: bytes.remove(at: index)
            case 2: bytes.insert(bytes[index], at: index)
            case 3: bytes.removeSubrange(index...)
            case 4: bytes[index] = [0x0A, 0x20, 0x2D, 0x00, 0x39, 0xFF].randomElement(using: &random) ?? 0
            default: moveLine(&bytes, from: index, &random)
            }
        }
        return bytes
    }

    private func moveLine(_ bytes: inout [UInt8], from index: Int, _ random: inout SeededRandom) {
        var lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false).map(Array.init)
        let line = lines[index % lines.count]
        if Bool.random(using: &random) { lines.remove(at: index % lines.count) }
        if Bool.random(using: &random) { lines.insert(line, at: Int.random(in: 0...lines.count, using: &random)) }
        bytes = Array(lines.joined(separator: [0x0A]))
    }

    private func check(_ original: [UInt8], seed: UInt64, _ body: ([UInt8]) -> Void) {
        var random = SeededRandom(seed: seed)
        for _ in 0..<Self.roundsPerDocument { body(damage(original, &random)) }
    }

    @Test("Damaged descriptors and extra-infos are refused or unchanged in what is signed", arguments: [1, 2, 3, 4] as [UInt64])
    func relayDocuments(_ seed: UInt64) throws {
        for text in try DocumentBundle.relayDocuments(Vectors.bytes("testnet-4auth/cached-descriptors.new")).prefix(2) {
            let original = try RouterDescriptor(text)
            check(text, seed: seed) { bytes in
                if let survivor = try? RouterDescriptor(bytes) { #expect(survivor.digest == original.digest, "seed \(seed)") }
            }
        }
        for text in try DocumentBundle.relayDocuments(Vectors.bytes("testnet-4auth/cached-extrainfo.new")).prefix(2) {
            let original = try ExtraInfo(text)
            check(text, seed: seed) { bytes in
                if let survivor = try? ExtraInfo(bytes) { #expect(survivor.signatures.ed25519Digest == original.signatures.ed25519Digest, "seed \(seed)") }
            }
        }
    }

    @Test("Damaged consensuses do not verify", arguments: ["cached-consensus", "cached-microdesc-consensus"])
    func consensuses(_ name: String) throws {
        let seed: UInt64 = 77
        let certificates = try DocumentBundle.certificates(Vectors.bytes("testnet-4auth/cached-certs")).map { try KeyCertificate($0) }
        let text = try Vectors.bytes("testnet-4auth/" + name)
        let original = try Consensus(text)
        let now = original.validAfter
        check(text, seed: seed) { bytes in
            guard let survivor = try? Consensus(bytes) else { return }
            let verification = survivor.verify(certificates: certificates, authorities: Set(certificates.map(\.identity)), now: now)
            #expect(!verification.isSufficient || survivor.signedText == original.signedText, "seed \(seed)")
        }
    }

    @Test("Damaged certificates are refused or unchanged, damaged microdescriptors have another digest")
    func others() throws {
        let seed: UInt64 = 99
        let certificate = try KeyCertificate(Vectors.bytes("testnet-4auth/keys-authority_certificate"))
        check(certificate.text, seed: seed) { bytes in
            if let survivor = try? KeyCertificate(bytes) { #expect(survivor.signingKey == certificate.signingKey && survivor.expires == certificate.expires, "seed \(seed)") }
        }
        for text in try DocumentBundle.microdescriptors(Vectors.bytes("testnet-4auth/cached-microdescs.new")).prefix(3) {
            let original = try Microdescriptor(text)
            check(text, seed: seed) { bytes in
                if let survivor = try? Microdescriptor(bytes) { #expect(survivor.digest != original.digest || survivor == original, "seed \(seed)") }
            }
        }
    }

    @Test("Damaged policy and protocol lines never crash the reader")
    func lines() {
        let seed: UInt64 = 5
        let text = "accept 1.2.3.4/8:80-90,reject6 [2001:db8::]/32:*,accept *4:443,reject private:*,accept *:1-65535"
        check(text.bytes, seed: seed) { _ = try? ExitPolicy(torrc: String(decoding: $0, as: UTF8.self)).summary() }
        check("accept 1,2-5,80-443,65535".bytes, seed: seed) { _ = PolicySummary(String(decoding: $0, as: UTF8.self))?.description }
        check("Link=1-5 Cons=1,2 Relay=2-6,63".bytes, seed: seed) { _ = ProtocolVersions(String(decoding: $0, as: UTF8.self))?.description }
    }
}
