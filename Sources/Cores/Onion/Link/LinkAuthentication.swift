internal import Bytes
internal import Sealing

/// AUTHENTICATE of type 3, Ed25519-SHA256-RFC5705 (tor-spec "AUTHENTICATE cells").
struct LinkAuthentication {
    static let method: UInt16 = 3
    static let challengeBytes = 32
    static let nonceBytes = 24
    private static let label = "AUTH0003"
    private static let secretBytes = 32
    private static let signatureBytes = 64
    /// The label and eight digests: what both sides must know alike.
    private static let agreedBytes = 8 + 8 * 32
    private static let bodyBytes = agreedBytes + nonceBytes + signatureBytes

    /// SHA-256 of the PKCS#1 DER of the RSA identities.
    let initiatorRSADigest: [UInt8]
    let responderRSADigest: [UInt8]
    let initiator: Ed25519Identity
    let responder: Ed25519Identity
    /// SHA-256 of all that the responder sent, up to and with AUTH_CHALLENGE.
    let responderLog: [UInt8]
    /// SHA-256 of all that the initiator sent before AUTHENTICATE.
    let initiatorLog: [UInt8]
    /// DER of the certificate that the responder's TLS showed.
    let tlsCertificate: [UInt8]

    typealias Exporter = (_ label: String, _ context: [UInt8], _ count: Int) -> [UInt8]?

    private func agreed(_ export: Exporter) throws(LinkFailure) -> [UInt8] {
        let name = "EXPORTER FOR TOR TLS CLIENT BINDING " + Self.label
        guard let secrets = export(name, initiatorRSADigest, Self.secretBytes) else { throw .noExporter }
        return Array(Self.label.utf8) + initiatorRSADigest + responderRSADigest + initiator.bytes + responder.bytes
            + responderLog + initiatorLog + Digest.sha256(tlsCertificate) + secrets
    }

    /// The body of the cell.
    func make(key: Ed25519Key, nonce: [UInt8], export: Exporter) throws(LinkFailure) -> [UInt8] {
        let signed = try agreed(export) + nonce
        var writer = ByteWriter(capacity: Self.bodyBytes + 4)
        writer.u16(Self.method)
        writer.u16(UInt16(Self.bodyBytes))
        writer.append(signed)
        writer.append(key.sign(signed))
        return writer.bytes
    }

    /// `key` is the subject of the initiator's type-6 certificate. Bytes behind the authentication are ignored.
    func verify(_ body: [UInt8], key: [UInt8], export: Exporter) throws(LinkFailure) {
        let authentication = try Self.authentication(in: body)
        let signed = authentication.prefix(Self.agreedBytes + Self.nonceBytes)
        guard Digest.equal(signed.prefix(Self.agreedBytes), try agreed(export)),
            Ed25519.verify(authentication.suffix(Self.signatureBytes), of: signed, by: key)
        else { throw .badAuthentication }
    }

    private static func authentication(in body: [UInt8]) throws(LinkFailure) -> [UInt8] {
        do {
            var reader = ByteReader(body)
            guard try reader.u16() == method, Int(try reader.u16()) == bodyBytes else { throw LinkFailure.badAuthentication }
            return try reader.bytes(bodyBytes)
        } catch let failure as LinkFailure {
            throw failure
        } catch {
            throw .malformed(command: CellCommand.authenticate)
        }
    }

    /// The methods that a responder offers; its 32 random bytes are in the transcript and need no look.
    static func methods(inChallenge body: [UInt8]) throws(LinkFailure) -> [UInt16] {
        do {
            var reader = ByteReader(body)
            _ = try reader.slice(challengeBytes)
            var methods: [UInt16] = []
            for _ in 0..<(try reader.u16()) { methods.append(try reader.u16()) }
            return methods
        } catch {
            throw .malformed(command: CellCommand.authChallenge)
        }
    }

    /// The body of AUTH_CHALLENGE.
    static func challenge(_ random: [UInt8]) -> [UInt8] {
        precondition(random.count == challengeBytes)
        return random + [0, 1, 0, UInt8(method)]
    }
}
