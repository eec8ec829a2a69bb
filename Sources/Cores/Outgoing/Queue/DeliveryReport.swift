package import Letters

/// What became of a letter, for whoever sent it (RFC 3464). It says nothing of where the letter was or when: no Reporting-MTA with a name, no Arrival-Date, no
/// Remote-MTA, no Original-Envelope-Id.
package enum DeliveryReport {
    /// Failures and successes told one by one at most; of further ones only their number.
    package static let tellLimit = 32
    /// Bytes of the report's message: it has to fit into one reply block.
    package static let limitBytes = 20 << 10
    private static let headerLimitBytes = 2_048

    /// `nil` when there is nobody to tell, or nothing that anybody wishes to know.
    ///
    /// - Parameters:
    ///   - id: fresh, or the same when the same is told again.
    ///   - boundary: random letters and digits.
    ///   - name: whose mailer-daemon writes; a domain name.
    package static func letter(on letter: Letter, _ progress: Progress, id: LetterID, boundary: String, name: String) -> Letter? {
        guard let sender = letter.envelope.sender else { return nil }
        let told = letter.envelope.recipients.enumerated().compactMap { index, recipient -> (MailAddress, Settlement)? in
            guard let settlement = progress.settled[index] else { return nil }
            return recipient.wish.contains(settlement == .delivered ? .success : .failure) ? (recipient.address, settlement) : nil
        }
        guard !told.isEmpty, let envelope = Envelope(sender: nil, recipients: [Recipient(sender, wish: .never)]) else { return nil }
        let content = message(told, to: sender, header: header(of: letter), boundary: boundary, name: name)
        return Letter(id: id, envelope: envelope, content: Array(content.utf8))
    }

    private static func message(_ told: [(MailAddress, Settlement)], to sender: MailAddress, header: String, boundary: String, name: String) -> String {
        let hasFailed = told.contains { $0.1 != .delivered }
        let head = [
            "From: Mail delivery <mailer-daemon@\(name)>", "To: <\(ascii(sender))>", "Subject: \(hasFailed ? "Your letter could not be delivered" : "Your letter was delivered")",
            "Message-ID: <\(boundary)@\(name)>", "Auto-Submitted: auto-replied", "MIME-Version: 1.0",
            "Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"\(boundary)\"",
        ]
        var room = limitBytes - headerLimitBytes - 1_024
        let entries = told.prefix(tellLimit).map { ("<\(ascii($0.0))>: \(sentence($0.1))", "\r\n\(block($0.0, $0.1))") }.prefix { entry in
            room -= entry.0.utf8.count + entry.1.utf8.count + 8
            return room >= 0
        }
        let words = entries.map(\.0) + (told.count > entries.count ? ["and \(told.count - entries.count) more"] : [])
        let fields = ["Reporting-MTA: dns; \(name)"] + entries.map(\.1)
        let parts = [
            ("text/plain; charset=us-ascii", words.flatMap { lines($0) }.joined(separator: "\r\n")), ("message/delivery-status", fields.joined(separator: "\r\n")),
            ("text/rfc822-headers", header),
        ]
        let body = parts.map { "--\(boundary)\r\nContent-Type: \($0.0)\r\n\r\n\($0.1)\r\n" }.joined()
        return head.joined(separator: "\r\n") + "\r\n\r\n" + body + "--\(boundary)--\r\n"
    }

    private static func sentence(_ settlement: Settlement) -> String {
        switch settlement {
        case .delivered: "delivered"
        case .failed(let status, let text): "\(status) \(printable(text))"
        }
    }

    private static func block(_ address: MailAddress, _ settlement: Settlement) -> String {
        let type = address.isInternational ? "utf-8" : "rfc822"
        let fields = switch settlement {
        case .delivered: ["Action: relayed", "Status: 2.0.0"]
        case .failed(let status, let text): ["Action: failed", "Status: 5\(status.dropFirst())", "Diagnostic-Code: smtp; \(printable(text))"]
        }
        return (["Final-Recipient: \(type); \(ascii(address))"] + fields).joined(separator: "\r\n")
    }

    /// What the sender can recognise the letter by.
    private static func header(of letter: Letter) -> String {
        let text = String(decoding: letter.content.prefix(headerLimitBytes), as: UTF8.self)
        var isKept = false
        let lines = text.split(separator: "\r\n", omittingEmptySubsequences: false).prefix { !$0.isEmpty }.filter { line in
            if line.first != " ", line.first != "\t" { isKept = ["message-id:", "subject:"].contains { line.lowercased().hasPrefix($0) } }
            return isKept
        }
        return lines.map { $0 + "\r\n" }.joined()
    }

    /// In seven bits: what lies beyond ASCII as RFC 6533 has it (3, utf-8-addr-xtext).
    private static func ascii(_ address: MailAddress) -> String {
        "\(address)".unicodeScalars.map { $0.isASCII ? String($0) : "\\x{\(String($0.value, radix: 16, uppercase: true))}" }.joined()
    }

    private static func printable(_ text: String) -> String { String(decoding: text.utf8.prefix(200).map { (0x20...0x7E).contains($0) ? $0 : 0x3F }, as: UTF8.self) }

    /// Cut into lines that mail may have.
    private static func lines(_ text: String) -> [String] {
        stride(from: 0, to: text.utf8.count, by: 900).map { String(decoding: Array(text.utf8)[$0..<min($0 + 900, text.utf8.count)], as: UTF8.self) }
    }
}
