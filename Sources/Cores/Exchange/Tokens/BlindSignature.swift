internal import Bytes
package import Sealing

/// RSA blind signatures with SHA-384 and PSS (RFC 9474). Anybody can check one; its signer cannot tell which of those it made it was.
package struct BlindSignature {
    private static let digestBytes = 48

    /// 48 or 0; with fresh salt two signatures of one message differ.
    package let saltBytes: Int

    /// RSABSSA-SHA384-PSS-Deterministic: no prefix is added, for our messages begin with 32 bytes that no other has.
    package static let deterministic = BlindSignature(saltBytes: 48)

    package init(saltBytes: Int) { self.saltBytes = saltBytes }

    /// EMSA-PSS-ENCODE (RFC 8017, section 9.1.1) with MGF1; `nil` when the key is too short for it.
    package func encode(_ message: [UInt8], salt: [UInt8], for key: RSAPublicKey) -> [UInt8]? {
        let bits = key.bits - 1
        let count = (bits + 7) / 8
        guard salt.count == saltBytes, count >= Self.digestBytes + salt.count + 2 else { return nil }
        let digest = Digest.sha384([UInt8](repeating: 0, count: 8) + Digest.sha384(message) + salt)
        let data = [UInt8](repeating: 0, count: count - Self.digestBytes - salt.count - 2) + [1] + salt
        var masked = zip(data, Self.mask(digest, count: data.count)).map { $0 ^ $1 }
        masked[0] &= 0xFF >> UInt8(8 * count - bits)
        let encoded = masked + digest + [0xBC]
        return [UInt8](repeating: 0, count: key.bytesCount - count) + encoded
    }

    /// What goes to the signer; `nil` when a published key is so bad that it cannot be used.
    package func blind(_ message: [UInt8], salt: [UInt8], with blind: RSABlind, for key: RSAPublicKey) -> [UInt8]? {
        encode(message, salt: salt, for: key).flatMap { key.blind($0, with: blind) }
    }

    /// The signature, once its blind is off; `nil` when the signer did not sign what it was sent.
    package func finalize(_ message: [UInt8], signed: [UInt8], blind: RSABlind, key: RSAPublicKey) -> [UInt8]? {
        guard let signature = key.unblind(signed, with: blind), key.verifyPSS(signature, of: message, saltBytes: saltBytes) else { return nil }
        return signature
    }

    private static func mask(_ seed: [UInt8], count: Int) -> [UInt8] {
        var out: [UInt8] = []
        var counter: UInt8 = 0
        while out.count < count {
            out += Digest.sha384(seed + [0, 0, 0, counter])
            counter += 1
        }
        return Array(out.prefix(count))
    }
}
