/// A delivery report (RFC 3464) as its reader needs it: which letter it is about, and what became of that for whom.
package struct DeliveryNotice: Hashable, Sendable {
    /// Longer messages are no reports to us, and further recipients are not seen.
    static let bytesLimit = 256 << 10, recipientsLimit = 100
    /// Of what is told to people.
    private static let reasonLimit = 300

    package enum Outcome: String, Sendable {
        /// A server took it that says so, or whose business it is from then on.
        case delivered
        /// It was refused.
        case cameBack = "came back"
        /// Nobody took it in all the time that it was tried.
        case gaveUp = "gave up"
    }

    package struct Line: Hashable, Sendable {
        package let address: String
        package let outcome: Outcome
        /// The enhanced status code and what a server said.
        package let reason: String

        package init(address: String, outcome: Outcome, reason: String) { (self.address, self.outcome, self.reason) = (address, outcome, reason) }
    }

    /// Of the letter, without its brackets.
    package let messageID: String
    package let lines: [Line]

    /// `nil` for what is no such report, tells nothing final, or says not which letter it is about.
    package init?(_ message: [UInt8]) {
        guard message.count <= Self.bytesLimit else { return nil }
        let whole = MailPart(message)
        guard whole.type.value.lowercased() == "multipart/report", case .several(let parts) = whole.content, let id = Self.messageID(message, parts),
            let status = parts.first(where: { $0.type.value.lowercased() == "message/delivery-status" })
        else { return nil }
        let lines = Self.groups(message, status.bodyRange).compactMap(Self.line).prefix(Self.recipientsLimit)
        guard !lines.isEmpty else { return nil }
        (messageID, self.lines) = (id, Array(lines))
    }

    /// Of a message as it was written: what stands between the brackets of its Message-ID.
    package static func messageID(of message: [UInt8]) -> String? { id(MailPart(Array(message.prefix(bytesLimit))).header) }

    private static func id(_ header: MailHeader) -> String? {
        guard let value = header["message-id"], let open = value.firstIndex(of: UInt8(ascii: "<")), let close = value[open...].firstIndex(of: UInt8(ascii: ">")), close - open > 1 else { return nil }
        return String(decoding: value[(open + 1)..<close], as: UTF8.self)
    }

    /// Of the letter that comes back, or of its header.
    private static func messageID(_ message: [UInt8], _ parts: [MailPart]) -> String? {
        parts.lazy.compactMap { part -> String? in
            if case .message(let inner) = part.content { return id(inner[0].header) }
            return part.type.value.lowercased() == "text/rfc822-headers" ? id(MailHeader(message, part.bodyRange)) : nil
        }.first
    }

    /// Fields with empty lines between (RFC 3464, section 2.1): those of the whole report, then those of each recipient.
    private static func groups(_ message: [UInt8], _ range: Range<Int>) -> [MailHeader] {
        var groups: [MailHeader] = [], begin = range.lowerBound, start = begin
        while start < range.upperBound, groups.count <= recipientsLimit {
            let end = Lines.next(message, start, range.upperBound), isEmpty = message[start..<end].allSatisfy { $0 == 13 || $0 == 10 }
            if isEmpty || end == range.upperBound {
                groups.append(MailHeader(message, begin..<(isEmpty ? start : end)))
                begin = end
            }
            start = end
        }
        return groups
    }

    private static func line(_ group: MailHeader) -> Line? {
        guard let address = group["final-recipient"].flatMap(behindType), let action = group["action"] else { return nil }
        let status = group["status"].map(text) ?? "", outcome: Outcome
        switch text(action).lowercased() {
        case "failed": outcome = status.hasSuffix(".4.7") ? .gaveUp : .cameBack
        case "delivered", "relayed", "expanded": outcome = .delivered
        default: return nil
        }
        let reason = [status, group["diagnostic-code"].flatMap(behindType) ?? ""].filter { !$0.isEmpty }.joined(separator: " ")
        return Line(address: address, outcome: outcome, reason: String(decoding: reason.utf8.prefix(reasonLimit), as: UTF8.self))
    }

    /// `rfc822; ann@example.org`
    private static func behindType(_ value: [UInt8]) -> String? {
        guard let mark = value.firstIndex(of: UInt8(ascii: ";")) else { return nil }
        let rest = value[(mark + 1)...].drop { $0 == 32 || $0 == 9 }
        return rest.isEmpty ? nil : text(Array(rest))
    }

    /// For a terminal: nothing that steers it.
    private static func text(_ value: [UInt8]) -> String { String(decoding: value.map { (0x20...0x7E).contains($0) ? $0 : 0x3F }, as: UTF8.self) }
}
