internal import Bytes
internal import Sealing

/// A salted and stretched password, as HashedControlPassword has it (control-spec.txt 5.1, after RFC 2440 3.6.1.3).
package struct PasswordHash: Equatable, Sendable, CustomStringConvertible {
    /// The count byte 0x60 stands for (16 + 0) << (6 + 6) bytes.
    private static let usualCount: UInt8 = 0x60
    /// A count may ask for up to 65 MB of hashing; a torrc that asks for more than this is a slip of the pen.
    private static let hashedBytesLimit = 1 << 24

    private let salt: [UInt8]
    private let count: UInt8
    private let digest: [UInt8]

    /// - Parameter salt: eight random bytes.
    package init(_ password: String, salt: [UInt8]) {
        self.salt = salt
        count = Self.usualCount
        digest = Self.stretch(Array(password.utf8), salt: salt, count: count)
    }

    /// `16:` and 58 hexadecimal digits, else `nil`.
    package init?(_ text: some StringProtocol) {
        guard text.hasPrefix("16:"), let bytes = Hex.decode(String(text.dropFirst(3))), bytes.count == 29, Self.hashedBytes(bytes[8]) <= Self.hashedBytesLimit
        else { return nil }
        (salt, count, digest) = (Array(bytes[..<8]), bytes[8], Array(bytes[9...]))
    }

    /// Whether this is the password; the time does not tell how much of it was right.
    package func matches(_ password: [UInt8]) -> Bool { Digest.equal(Self.stretch(password, salt: salt, count: count), digest) }

    package var description: String { "16:" + Hex.upper(salt) + Hex.upper([count]) + Hex.upper(digest) }

    private static func hashedBytes(_ count: UInt8) -> Int { (16 + Int(count & 15)) << (Int(count >> 4) + 6) }

    private static func stretch(_ password: [UInt8], salt: [UInt8], count: UInt8) -> [UInt8] {
        let unit = salt + password
        let total = hashedBytes(count)
        var input: [UInt8] = []
        input.reserveCapacity(total + unit.count)
        while input.count < total { input += unit }
        return Digest.sha1(input.prefix(total))
    }
}
