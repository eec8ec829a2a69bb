package import Ambience
internal import Bytes
internal import Directory
package import Sealing

/// The outer, readable layer of a v3 descriptor, which is all that a directory sees of it (rend-spec-v3 "Outer wrapper").
package struct ServiceDescriptor: Sendable {
    /// A longer one is refused unread.
    package static let limitBytes = 50_000
    private static let lifetimeLimitMinutes: UInt64 = 12 * 60
    private static let signingKeyKind: UInt8 = 8
    private static let signaturePrefix = Array("Tor onion service descriptor sig v3".utf8)
    /// Salt 16 and MAC 32 of the encrypted layer, before any content.
    private static let encryptedMinimumBytes = 48

    package let text: [UInt8]
    /// The service's key for one time period, by which the descriptor is asked for. It says nothing of the service's address.
    package let blindedKey: Ed25519Identity
    package let revision: UInt64
    package let lifetimeSeconds: Int64

    /// Parses and checks everything: grammar, lengths, the certificate by the blinded key and the signature.
    package init(_ text: [UInt8], now: WallTime) throws(ServiceDescriptorError) {
        do {
            self = try Self.parse(text, now)
        } catch let error as ServiceDescriptorError {
            throw error
        } catch {
            throw .malformed("\(error)")
        }
    }

    private init(text: [UInt8], blindedKey: Ed25519Identity, revision: UInt64, lifetimeSeconds: Int64) {
        self.text = text
        self.blindedKey = blindedKey
        self.revision = revision
        self.lifetimeSeconds = lifetimeSeconds
    }

    private static func parse(_ text: [UInt8], _ now: WallTime) throws -> ServiceDescriptor {
        let document = try NetDocument(text, limitBytes: limitBytes)
        guard document.items.first?.keyword == "hs-descriptor", try number(document, "hs-descriptor") == 3 else {
            throw ServiceDescriptorError.malformed("no version 3 descriptor")
        }
        let minutes = try number(document, "descriptor-lifetime")
        guard minutes <= lifetimeLimitMinutes else { throw ServiceDescriptorError.malformed("lives too long") }
        let revision = try number(document, "revision-counter")
        guard try document.one("superencrypted").data("MESSAGE").count >= encryptedMinimumBytes else { throw ServiceDescriptorError.malformed("nothing in it") }
        let (blinded, signing) = try keys(document, now)
        try checkSignature(document, by: signing)
        return ServiceDescriptor(text: text, blindedKey: blinded, revision: revision, lifetimeSeconds: Int64(minutes) * 60)
    }

    /// One decimal number without sign.
    private static func number(_ document: NetDocument, _ keyword: String) throws -> UInt64 {
        let words = try document.one(keyword).words
        guard words.count == 1, words[0].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt64(words[0]) else {
            throw ServiceDescriptorError.malformed("bad \(keyword)")
        }
        return number
    }

    /// The blinded key, and the key it certifies to sign the descriptor.
    private static func keys(_ document: NetDocument, _ now: WallTime) throws -> (blinded: Ed25519Identity, signing: [UInt8]) {
        let certificate = try TorCertificate(try document.one("descriptor-signing-key-cert").data("ED25519 CERT"))
        guard certificate.kind == signingKeyKind, certificate.keyType == 1, let signer = certificate.signingKey, let blinded = Ed25519Identity(signer) else {
            throw ServiceDescriptorError.malformed("certificate of the wrong kind")
        }
        do throws(TorCertificateError) {
            try certificate.verify(signer: signer, now: now)
        } catch {
            throw ServiceDescriptorError.badSignature
        }
        return (blinded, certificate.subject)
    }

    private static func checkSignature(_ document: NetDocument, by key: [UInt8]) throws {
        let item = try document.one("signature")
        guard let last = document.items.last, last.span == item.span, let word = item.words.first, item.words.count == 1, let signature = Base64.decode(word) else {
            throw ServiceDescriptorError.malformed("bad signature line")
        }
        guard Ed25519.verify(signature, of: signaturePrefix + document.bytes[..<item.span.lowerBound], by: key) else { throw ServiceDescriptorError.badSignature }
    }
}

/// Why a descriptor of an onion service is not kept.
package enum ServiceDescriptorError: Error, Equatable {
    case malformed(String)
    /// The signature or certificate does not hold, or the certificate is out of date.
    case badSignature
}
