internal import Ambience
internal import Bytes
internal import Sealing

/// Readers of what items commonly hold.
extension NetDocument.Item {
    /// `YYYY-MM-DD HH:MM:SS` from two arguments.
    func time() throws(DocumentError) -> WallTime {
        let words = try words(atLeast: 2)
        guard let time = WallTime("\(words[0]) \(words[1])") else { throw .invalid(keyword, "no time") }
        return time
    }

    /// A PKCS#1 RSA public key with exponent 65537; the length is checked when `bits` is given.
    func rsaKey(bits: ClosedRange<Int>) throws(DocumentError) -> RSAPublicKey {
        guard let key = RSAPublicKey(der: try data("RSA PUBLIC KEY")) else { throw .invalid(keyword, "no RSA key") }
        guard bits.contains(key.bits) else { throw .invalid(keyword, "key of the wrong length") }
        guard key.exponent == 65537 else { throw .invalid(keyword, "key with a bad exponent") }
        return key
    }

    /// 32 bytes in base64, padded or not.
    func key32() throws(DocumentError) -> [UInt8] {
        guard let key = Base64.decode(try words(atLeast: 1)[0]), key.count == 32 else { throw .invalid(keyword, "no key of 32 bytes") }
        return key
    }

    /// One of tor's certificates, unchecked.
    func certificate(_ tag: String, kind: UInt8) throws(DocumentError) -> TorCertificate {
        let encoded = try data(tag)
        do throws(TorCertificateError) {
            let certificate = try TorCertificate(encoded)
            if certificate.kind == kind, certificate.keyType == 1 { return certificate }
        } catch {
            throw .invalid(keyword, "\(error) certificate")
        }
        throw .invalid(keyword, "certificate of the wrong kind")
    }
}

extension TorCertificate {
    /// Checks the signature but not the time, which is the business of whoever uses the document.
    func verifySignature(signer: [UInt8], of keyword: String) throws(DocumentError) {
        do throws(TorCertificateError) {
            try verify(signer: signer, now: WallTime(secondsSinceEpoch: -1))
        } catch {
            throw .badSignature("\(keyword) (\(error))")
        }
    }
}

extension Digest20 {
    /// 40 hex digits.
    package init?(hex text: some StringProtocol) {
        guard let bytes = Hex.decode(text) else { return nil }
        self.init(bytes)
    }

    /// Upper-case hex digits.
    package var hex: String { Hex.upper(bytes) }
}

/// Names of relays: 1 to 19 letters and digits (dir-spec.txt 2.1.1).
package enum Nickname {
    package static func isLegal(_ text: some StringProtocol) -> Bool {
        (1...19).contains(text.utf8.count)
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) }
    }
}
