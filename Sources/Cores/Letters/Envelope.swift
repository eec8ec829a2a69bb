/// What a delivery report may be sent for (RFC 3461, section 4.1), by those who are reached without being known.
package struct ReportWish: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let failure = ReportWish(rawValue: 1)
    package static let success = ReportWish(rawValue: 2)
    package static let delay = ReportWish(rawValue: 4)
    /// NOTIFY=NEVER.
    package static let never: ReportWish = []
    /// Without a NOTIFY.
    package static let usual: ReportWish = [.failure, .delay]
    static let all: ReportWish = [.failure, .success, .delay]
}

/// Somebody a letter is for.
package struct Recipient: Hashable, Sendable {
    package let address: MailAddress
    package let wish: ReportWish

    package init(_ address: MailAddress, wish: ReportWish = .usual) { (self.address, self.wish) = (address, wish) }
}

/// Who a letter is from and for, as SMTP says it. ENVID and ORCPT are not in it: their only use is to be recognised by.
package struct Envelope: Hashable, Sendable {
    /// RFC 5321 asks for a hundred at least (4.5.3.1.8); whoever has more sends more letters.
    package static let recipientsLimit = 100

    /// `nil` for a report, which nothing is ever sent back for.
    package let sender: MailAddress?
    /// At least one, at most `recipientsLimit`, none twice.
    package let recipients: [Recipient]
    /// Reports carry the whole letter back (RET=FULL), not only its header.
    package let returnsAll: Bool

    /// `nil` for no recipient or too many. Of two for one address the first counts.
    package init?(sender: MailAddress?, recipients: [Recipient], returnsAll: Bool = false) {
        var seen: Set<MailAddress> = []
        let recipients = recipients.filter { seen.insert($0.address).inserted }
        guard (1...Self.recipientsLimit).contains(recipients.count) else { return nil }
        (self.sender, self.recipients, self.returnsAll) = (sender, recipients, returnsAll)
    }

    /// Only servers with SMTPUTF8 can take it.
    package var isInternational: Bool { sender?.isInternational ?? false || recipients.contains { $0.address.isInternational } }
}
