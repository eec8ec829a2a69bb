internal import Bytes
internal import Sealing

/// The salted hash that HashedControlPassword takes (control-spec.txt 5.1, after RFC 2440 3.6.1.3).
package enum PasswordHash {
    /// The count byte 0x60 stands for (16 + 0) << (6 + 6) bytes.
    private static let specifier: UInt8 = 0x60
    private static let hashedBytes = 16 << 12

    package static func of(_ password: String) -> String { of(password, salt: SecureRandom.bytes(8)) }

    static func of(_ password: String, salt: [UInt8]) -> String {
        let unit = salt + Array(password.utf8)
        var input: [UInt8] = []
        input.reserveCapacity(hashedBytes + unit.count)
        while input.count < hashedBytes { input += unit }
        return "16:" + Hex.upper(salt) + Hex.upper([specifier]) + Hex.upper(Digest.sha1(input.prefix(hashedBytes)))
    }
}
