package import Ambience
internal import Bytes
package import Letters

/// A letter that waits to be delivered, as it lies in the spool.
package struct QueuedLetter: Hashable, Sendable {
    /// Of what is handed back with a report.
    package static let returnLimitBytes = 3_000
    private static let version: UInt8 = 1

    package let letter: Letter
    package let accepted: WallTime
    /// Random letters for its Received line, the same at each attempt.
    package let trace: UInt64
    /// Whatever whoever brought the letter needs to send a report back; empty: nobody is told.
    package let returning: [UInt8]

    /// `nil` for too much to hand back.
    package init?(_ letter: Letter, accepted: WallTime, trace: UInt64, returning: [UInt8]) {
        guard returning.count <= Self.returnLimitBytes else { return nil }
        (self.letter, self.accepted, self.trace, self.returning) = (letter, accepted, trace, returning)
    }

    package var encoded: [UInt8] {
        var writer = ByteWriter(capacity: letter.content.count + 4096)
        writer.u8(Self.version)
        writer.u64(UInt64(max(0, accepted.secondsSinceEpoch)))
        writer.u64(trace)
        writer.u16(UInt16(returning.count))
        writer.append(returning)
        writer.append(letter.encoded)
        return writer.bytes
    }

    /// `nil` for what `encoded` did not give.
    package init?(decoding bytes: [UInt8]) {
        var reader = ByteReader(bytes)
        guard (try? reader.u8()) == Self.version, let seconds = try? reader.u64(), seconds < 1 << 40, let trace = try? reader.u64(), let count = try? reader.u16(),
            let returning = try? reader.bytes(Int(count)), let letter = try? Letter(decoding: Array(reader.rest()))
        else { return nil }
        self.init(letter, accepted: WallTime(secondsSinceEpoch: Int64(seconds)), trace: trace, returning: returning)
    }

    /// What a server is given for some of its recipients.
    package func mail(for recipients: [Int], by receiver: String) -> OutgoingMail {
        OutgoingMail(
            reversePath: letter.envelope.sender.map { "\($0)" } ?? "", recipients: recipients.map { "\(letter.envelope.recipients[$0].address)" },
            content: letter.delivered(by: receiver, id: String(trace, radix: 36), at: accepted),
            needsUTF8: (letter.envelope.sender?.isInternational ?? false) || recipients.contains { letter.envelope.recipients[$0].address.isInternational })
    }

    /// The unsettled recipients by their domains, in the order of the envelope.
    package func groups(without progress: Progress) -> [(domain: String, recipients: [Int])] {
        var order: [String] = [], groups: [String: [Int]] = [:]
        for (index, recipient) in letter.envelope.recipients.enumerated() where progress.settled[index] == nil {
            if groups[recipient.address.domain] == nil { order.append(recipient.address.domain) }
            groups[recipient.address.domain, default: []].append(index)
        }
        return order.map { ($0, groups[$0] ?? []) }
    }
}
