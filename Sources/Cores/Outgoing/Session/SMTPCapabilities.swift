/// What a server says in answer to EHLO that it can do; nothing, if it only knows HELO.
package struct SMTPCapabilities: Hashable, Sendable {
    package var isPipelining = false
    package var hasStartTLS = false
    package var hasEightBit = false
    package var hasUTF8 = false
    package var hasDeliveryNotes = false
    /// Bytes of a letter at most; `nil`: it does not say, or has no limit.
    package var sizeLimitBytes: Int?
    package var hasSize = false
    /// In upper case.
    package var logins: Set<String> = []
    /// RFC 9422; 100 unless it says less.
    package var recipientsLimit = 100

    package init() {}

    /// The lines of a positive answer; the first is the server's name.
    package init(_ lines: [String]) {
        for line in lines.dropFirst() {
            let words = line.uppercased().split { $0 == " " || $0 == "=" }.map(String.init)
            guard let keyword = words.first else { continue }
            take(keyword, Array(words.dropFirst()))
        }
    }

    private mutating func take(_ keyword: String, _ values: [String]) {
        switch keyword {
        case "PIPELINING": isPipelining = true
        case "STARTTLS": hasStartTLS = true
        case "8BITMIME": hasEightBit = true
        case "SMTPUTF8": hasUTF8 = true
        case "DSN": hasDeliveryNotes = true
        case "AUTH": logins.formUnion(values)
        case "SIZE":
            hasSize = true
            sizeLimitBytes = values.first.flatMap(Int.init).flatMap { $0 > 0 ? $0 : nil }
        case "LIMITS": takeLimits(values)
        default: break
        }
    }

    /// `RCPTMAX=20`, which the split above has made two words.
    private mutating func takeLimits(_ values: [String]) {
        for (name, value) in zip(values, values.dropFirst()) where name == "RCPTMAX" {
            if let limit = Int(value), limit > 0 { recipientsLimit = min(recipientsLimit, limit) }
        }
    }
}
