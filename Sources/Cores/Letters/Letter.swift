internal import Bytes

/// Sixteen bytes by which a letter is known from the spool to its delivery: what comes twice is the same letter.
package struct LetterID: Hashable, Sendable {
    package static let bytesCount = 16
    package let bytes: [UInt8]

    /// `nil` unless there are sixteen.
    package init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == Self.bytesCount else { return nil }
        self.bytes = Array(bytes)
    }
}

/// A letter on its way: an envelope, and a normalised message that nothing in tells who wrote it with what.
///
/// Its message has its Message-ID, but neither Date nor Received: `delivered` adds them where it leaves the mix. Its body is in seven bits and its lines end in
/// CRLF, so every server can take it unchanged, if with SMTPUTF8 where `isInternational` says so.
package struct Letter: Hashable, Sendable {
    /// Of what `encoded` gives: a letter has to fit into the shares that a mix carries. 32 MiB less what may be put around it.
    package static let encodedLimit = (32 << 20) - 4096
    /// Of the message.
    package static let contentLimit = encodedLimit - (64 << 10)

    package let id: LetterID
    package let envelope: Envelope
    package let content: [UInt8]

    /// `nil` for a message beyond `contentLimit`.
    package init?(id: LetterID, envelope: Envelope, content: [UInt8]) {
        guard content.count <= Self.contentLimit else { return nil }
        (self.id, self.envelope, self.content) = (id, envelope, content)
    }

    private static let version: UInt8 = 1

    package enum Flaw: Error, Hashable { case malformed }

    /// What travels: version, id, flags, sender, recipients with their wishes, message.
    package var encoded: [UInt8] {
        var writer = ByteWriter(capacity: content.count + 1024)
        writer.u8(Self.version)
        writer.append(id.bytes)
        writer.u8(envelope.returnsAll ? 1 : 0)
        Self.write(envelope.sender.map { "\($0)" } ?? "", to: &writer)
        writer.u8(UInt8(envelope.recipients.count))
        for recipient in envelope.recipients {
            writer.u8(recipient.wish.rawValue)
            Self.write("\(recipient.address)", to: &writer)
        }
        writer.u32(UInt32(content.count))
        writer.append(content)
        return writer.bytes
    }

    /// - Throws: `Flaw.malformed` for what `encoded` would not have given.
    package init(decoding bytes: [UInt8]) throws(Flaw) {
        guard bytes.count <= Self.encodedLimit, let letter = try? Self.read(bytes), letter.encoded == bytes else { throw .malformed }
        self = letter
    }

    private static func read(_ bytes: [UInt8]) throws -> Letter {
        var reader = ByteReader(bytes)
        guard try reader.u8() == version, let id = LetterID(try reader.slice(LetterID.bytesCount)) else { throw Flaw.malformed }
        let flags = try reader.u8(), sender = try text(&reader)
        let recipients = try (0..<Int(try reader.u8())).map { _ in
            let wish = ReportWish(rawValue: try reader.u8())
            guard wish.isSubset(of: .all), let address = MailAddress(try text(&reader)) else { throw Flaw.malformed }
            return Recipient(address, wish: wish)
        }
        let content = try reader.bytes(Int(try reader.u32())), from = sender.isEmpty ? nil : MailAddress(sender)
        guard flags <= 1, sender.isEmpty || from != nil, reader.isAtEnd, isMessage(content),
            let envelope = Envelope(sender: from, recipients: recipients, returnsAll: flags == 1), let letter = Letter(id: id, envelope: envelope, content: content)
        else { throw Flaw.malformed }
        return letter
    }

    private static func write(_ text: String, to writer: inout ByteWriter) {
        writer.u16(UInt16(text.utf8.count))
        writer.append(text)
    }

    private static func text(_ reader: inout ByteReader) throws -> String {
        guard let text = String(validating: try reader.slice(Int(try reader.u16())), as: UTF8.self) else { throw Flaw.malformed }
        return text
    }

    /// Only servers with SMTPUTF8 can take it: an address in its envelope or header is beyond ASCII.
    package var isInternational: Bool { envelope.isInternational || Self.header(content).contains { $0 >= 0x80 } }

    private static func header(_ content: [UInt8]) -> ArraySlice<UInt8> {
        var rest = content[...]
        while let (line, after) = HeaderFields.line(rest), !line.isEmpty { rest = after }
        return content[..<rest.startIndex]
    }

    /// Lines that end in CRLF and are no longer than SMTP allows, of seven bits but for UTF-8 in the header: what can be sent on as it is.
    static func isMessage(_ content: [UInt8]) -> Bool {
        guard content.isEmpty || content.suffix(2) == [13, 10] else { return false }
        let header = header(content)
        guard String(validating: header, as: UTF8.self) != nil else { return false }
        var length = 0, previous: UInt8 = 0
        for (index, byte) in content.enumerated() {
            guard byte != 0, byte < 0x80 || index < header.endIndex, (previous == 13) == (byte == 10) else { return false }
            length = byte == 10 ? 0 : length + 1
            guard length <= Message.lineLimit + 1 else { return false }
            previous = byte
        }
        return previous != 13
    }
}

/// What holds for every message.
package enum Message {
    /// Octets of a line without its CRLF (RFC 5322, section 2.1.1).
    package static let lineLimit = 998
}
