package import Ambience
internal import Bytes
package import Letters

/// What is sealed to an owner: a letter, and the hour in which it reached the end of its way.
///
///     1 byte   version
///     8        seconds since 1970, of a whole hour
///     rest     the letter
package struct BoxLetter: Hashable, Sendable {
    private static let version: UInt8 = 1

    package let hour: WallTime
    package let letter: Letter

    package init(_ letter: Letter, at now: WallTime) { (self.letter, hour) = (letter, WallTime(secondsSinceEpoch: now.secondsSinceEpoch - now.secondOfDay % 3600)) }

    package init?(_ bytes: [UInt8]) {
        var reader = ByteReader(bytes)
        guard (try? reader.u8()) == Self.version, let seconds = try? reader.u64(), seconds < 1 << 40, seconds % 3600 == 0, let letter = try? Letter(decoding: Array(reader.rest())) else { return nil }
        self.init(letter, at: WallTime(secondsSinceEpoch: Int64(seconds)))
    }

    package var encoded: [UInt8] {
        var writer = ByteWriter(capacity: 9)
        writer.u8(Self.version)
        writer.u64(UInt64(hour.secondsSinceEpoch))
        return writer.bytes + letter.encoded
    }

    /// As a mail program reads it: with the envelope in fields that a last mail server adds (RFC 5321, section 4.4).
    package func message(for address: BoxAddress) -> [UInt8] {
        let recipients = letter.envelope.recipients.map(\.address).filter { BoxAddress(domain: $0.domain) == address }
        let envelope = "Return-Path: <\(letter.envelope.sender.map { "\($0)" } ?? "")>\r\n" + recipients.map { "Delivered-To: \($0)\r\n" }.joined()
        return Array(envelope.utf8) + letter.delivered(by: "box\(BoxAddress.suffix)", id: Hex.lower(letter.id.bytes), at: hour)
    }
}
