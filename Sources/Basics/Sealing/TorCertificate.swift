package import Ambience
internal import Bytes

/// Tor's own Ed25519 certificate (cert-spec.txt 2.1).
package struct TorCertificate: Equatable, Sendable {
    /// What a certificate certifies.
    package enum Kind {
        package static let signingKey: UInt8 = 4
        package static let tlsLink: UInt8 = 5
        package static let linkAuthentication: UInt8 = 6
        package static let ntorOnionKey: UInt8 = 10
    }

    package let encoded: [UInt8]
    package let kind: UInt8
    /// Hours since 1970; the certificate is dead from then on.
    package let expirationHours: UInt32
    package let keyType: UInt8
    /// The key (or digest) that is certified, 32 bytes.
    package let subject: [UInt8]
    /// The signer, when the certificate names it (extension 04).
    package let signingKey: [UInt8]?

    package var expires: WallTime { WallTime(secondsSinceEpoch: Int64(expirationHours) * 3600) }

    /// Parses without checking signature or time. Unknown extensions that must be understood make it fail.
    package init(_ bytes: [UInt8]) throws(TorCertificateError) {
        do {
            self = try Self.parse(bytes)
        } catch let error as TorCertificateError {
            throw error
        } catch {
            throw .malformed
        }
    }

    private init(encoded: [UInt8], kind: UInt8, expirationHours: UInt32, keyType: UInt8, subject: [UInt8], signingKey: [UInt8]?) {
        self.encoded = encoded
        self.kind = kind
        self.expirationHours = expirationHours
        self.keyType = keyType
        self.subject = subject
        self.signingKey = signingKey
    }

    private static func parse(_ bytes: [UInt8]) throws -> TorCertificate {
        guard bytes.count <= 4096 else { throw TorCertificateError.malformed }
        var reader = ByteReader(bytes)
        guard try reader.u8() == 1 else { throw TorCertificateError.malformed }
        let kind = try reader.u8()
        let hours = try reader.u32()
        let keyType = try reader.u8()
        let subject = try reader.bytes(32)
        var signer: [UInt8]?
        for _ in 0..<(try reader.u8()) {
            // The length counts the data only, not the type and flags.
            let length = Int(try reader.u16())
            let type = try reader.u8()
            let flags = try reader.u8()
            let data = try reader.bytes(length)
            if type == 4 {
                guard data.count == 32, signer == nil else { throw TorCertificateError.malformed }
                signer = data
            } else if flags & 1 == 1 {
                throw TorCertificateError.unknownExtension
            }
        }
        guard reader.remaining == 64 else { throw TorCertificateError.malformed }
        return TorCertificate(encoded: bytes, kind: kind, expirationHours: hours, keyType: keyType, subject: subject, signingKey: signer)
    }

    /// Checks the signature by `signer` and that it is not expired at `now`.
    package func verify(signer: [UInt8], now: WallTime) throws(TorCertificateError) {
        guard signingKey == nil || signingKey == signer else { throw .wrongSigner }
        guard now < expires else { throw .expired }
        guard Ed25519.verify(encoded.suffix(64), of: encoded.dropLast(64), by: signer) else { throw .badSignature }
    }

    /// Makes a certificate for `subject`, signed by `signer`. `includeSigner` adds extension 04.
    package static func make(kind: UInt8, keyType: UInt8 = 1, subject: [UInt8], expires: WallTime, signer: Ed25519Key, includeSigner: Bool) -> TorCertificate {
        precondition(subject.count == 32)
        let hours = UInt32(clamping: (expires.secondsSinceEpoch + 3599) / 3600)
        var writer = ByteWriter(capacity: 160)
        writer.u8(1)
        writer.u8(kind)
        writer.u32(hours)
        writer.u8(keyType)
        writer.append(subject)
        writer.u8(includeSigner ? 1 : 0)
        if includeSigner {
            writer.u16(32)
            writer.u8(4)
            writer.u8(0)
            writer.append(signer.publicKey)
        }
        let signature = signer.sign(writer.bytes)
        return TorCertificate(
            encoded: writer.bytes + signature, kind: kind, expirationHours: hours, keyType: keyType, subject: subject,
            signingKey: includeSigner ? signer.publicKey : nil)
    }
}

package enum TorCertificateError: Error, Equatable {
    case malformed, unknownExtension, wrongSigner, expired, badSignature
}

/// The certificate by which an RSA identity vouches for an Ed25519 identity (cert-spec.txt 2.3, CERTS type 7).
package struct RSACrossCertificate: Equatable, Sendable {
    package let encoded: [UInt8]
    package let ed25519Key: [UInt8]
    package let expirationHours: UInt32
    private let signature: [UInt8]
    private static let prefix = Array("Tor TLS RSA/Ed25519 cross-certificate".utf8)

    /// `nil` when malformed.
    package init?(_ bytes: [UInt8]) {
        guard bytes.count > 37, bytes.count == 37 + Int(bytes[36]) else { return nil }
        encoded = bytes
        ed25519Key = Array(bytes[..<32])
        expirationHours = bytes[32..<36].reduce(0) { $0 << 8 | UInt32($1) }
        signature = Array(bytes[37...])
    }

    package func isValid(signer: RSAPublicKey, now: WallTime) -> Bool {
        now.secondsSinceEpoch < Int64(expirationHours) * 3600
            && signer.verify(signature, of: Digest.sha256(Self.prefix + encoded[..<36]))
    }

    package static func make(ed25519Key: [UInt8], expires: WallTime, signer: RSAKey) -> RSACrossCertificate {
        var writer = ByteWriter(capacity: 192)
        writer.append(ed25519Key)
        writer.u32(UInt32(clamping: (expires.secondsSinceEpoch + 3599) / 3600))
        let signature = signer.sign(Digest.sha256(prefix + writer.bytes))
        writer.u8(UInt8(signature.count))
        writer.append(signature)
        return RSACrossCertificate(writer.bytes)!
    }
}
