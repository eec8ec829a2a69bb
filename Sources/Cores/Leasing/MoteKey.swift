/// The 128 random bits that are a mote's identity for the coordinator: its folder's name and the name of its intent.
///
/// It is no secret and no cryptographic identity: the relay makes its own keys, new ones for every mote.
package struct MoteKey: Hashable, Comparable, Sendable {
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    package static func random(_ random: inout some RandomNumberGenerator) -> MoteKey {
        MoteKey(high: random.next(), low: random.next())
    }

    package static func < (a: MoteKey, b: MoteKey) -> Bool { (a.high, a.low) < (b.high, b.low) }

    /// The relay's nickname: at most 19 letters and digits, the longest that the protocol allows.
    package var nickname: String { "dust" + description.prefix(15) }
}

extension MoteKey: CustomStringConvertible, Codable {
    /// 32 lower-case hex digits.
    package var description: String { Self.hex(high) + Self.hex(low) }

    /// Exactly what `description` gives; nothing else.
    package init?(_ text: some StringProtocol) {
        let digits = text.utf8
        guard digits.count == 32, digits.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }),
            let high = UInt64(text.prefix(16), radix: 16), let low = UInt64(text.suffix(16), radix: 16)
        else { return nil }
        self.init(high: high, low: low)
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let key = MoteKey(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "a mote key has 32 lower-case hex digits")
        }
        self = key
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    private static func hex(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}
