package import Ambience
internal import Bytes
internal import Leasing
internal import Sealing

/// One line of the audit: `HASH NUMBER TIME KIND name=value…`.
///
/// HASH is the SHA-256, in hex, of the line before's HASH, one space, and the SHA-256 in hex of everything behind this line's first space. The first
/// line follows 64 zeros. So `sha256sum` is all that a check needs, and a part of the log can be shown to be in it by the digests of the rest.
package struct AuditLine: Equatable, Sendable {
    package static let origin = String(repeating: "0", count: 64)
    /// The longest line in bytes.
    package static let limitBytes = 2048

    package let hash: String
    package let number: Int64
    package let at: WallTime
    package let kind: String
    package let fields: [(name: String, value: String)]

    /// What is hashed as the line's content.
    package let content: String

    package var text: String { "\(hash) \(content)" }
    package var contentDigest: String { Self.digest(content) }
    package subscript(_ name: String) -> String? { fields.first { $0.name == name }?.value }
    package static func == (a: AuditLine, b: AuditLine) -> Bool { a.text == b.text }

    /// The line that follows `previous`.
    package init(_ event: AuditEvent, at: WallTime, number: Int64, after previous: String) {
        let (kind, fields) = Self.fields(event)
        let words = fields.map { "\($0.name)=\(Self.escape($0.value))" }
        (self.kind, self.fields, self.number, self.at) = (kind, fields, number, at)
        content = (["\(number)", at.rfc3339, kind] + words).joined(separator: " ")
        hash = Self.hash(after: previous, contentDigest: Self.digest(content))
    }

    /// Reads a line without its newline. Whether its hash is right, `AuditChain` says.
    package init(_ text: some StringProtocol) throws(AuditFault) {
        guard text.utf8.count <= Self.limitBytes, text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else { throw .malformed }
        let words = String(text).split(separator: " ", omittingEmptySubsequences: false).map { String($0) }
        guard words.count >= 4, words[0].utf8.count == 64, words[0].utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }),
            let number = Int64(words[1]), number > 0, "\(number)" == words[1], let at = WallTime(words[2])
        else { throw .malformed }
        var fields: [(name: String, value: String)] = []
        for word in words[4...] {
            guard let mark = word.firstIndex(of: "="), mark > word.startIndex, let value = Self.unescape(word[word.index(after: mark)...]) else { throw .malformed }
            fields.append((String(word[..<mark]), value))
        }
        (hash, kind, self.fields, self.number, self.at) = (words[0], words[3], fields, number, at)
        content = words.dropFirst().joined(separator: " ")
    }

    package static func hash(after previous: String, contentDigest: String) -> String { digest("\(previous) \(contentDigest)") }
    private static func digest(_ text: String) -> String { Hex.lower(Digest.sha256(Array(text.utf8))) }

    // MARK: Content

    private static func fields(_ event: AuditEvent) -> (String, [(name: String, value: String)]) {
        switch event {
        case .step(let number, let event): ("mote", [("key", event.key.description), ("step", "\(number)"), ("at", event.at.rfc3339)] + change(event.change))
        case .asks(let call): ("asks", fields(call))
        case .answered(let call, let result): ("answered", fields(call) + [("result", result.rawValue)])
        case .enrolled(let key): ("enrolled", [("key", key.description)])
        case .refused: ("refused", [])
        case .halted(let scope): ("halted", [("scope", scope.description)])
        case .lifted(let scope): ("lifted", [("scope", scope.description)])
        }
    }

    private static func fields(_ call: AuditEvent.ProviderCall) -> [(name: String, value: String)] {
        var fields = [("provider", call.provider), ("action", call.action.rawValue)].map { (name: $0.0, value: $0.1) }
        if let region = call.region { fields.append(("region", region)) }
        if let key = call.key { fields.append(("key", key.description)) }
        return fields
    }

    private static func change(_ change: MoteChange) -> [(name: String, value: String)] {
        switch change {
        case .intended(let lease):
            [
                ("change", "intended"), ("class", lease.lifetimeClass.rawValue), ("expires", lease.expires.rfc3339), ("provider", lease.site.provider),
                ("region", lease.site.region), ("image", lease.site.image),
            ]
        case .starting(let attempt): [("change", "starting"), ("attempt", "\(attempt)")]
        case .running: [("change", "running")]
        case .listed: [("change", "listed")]
        case .unlisted: [("change", "unlisted")]
        case .draining(let reason): [("change", "draining"), ("reason", reason.rawValue)]
        case .terminating(let reason): [("change", "terminating"), ("reason", reason.rawValue)]
        case .gone(let reason): [("change", "gone"), ("reason", reason.rawValue)]
        case .doubted: [("change", "doubted")]
        case .trusted: [("change", "trusted")]
        case .shortened(let until): [("change", "shortened"), ("expires", until.rfc3339)]
        }
    }

    /// Everything but letters, digits and a few marks as `%` and two hex digits; at most 128 bytes of a value.
    private static func escape(_ value: String) -> String {
        var out = ""
        for byte in value.utf8.prefix(128) {
            let isPlain = (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || [0x2D, 0x2E, 0x2F, 0x3A, 0x5F].contains(byte)
            out += isPlain ? String(UnicodeScalar(byte)) : "%" + Hex.upper([byte])
        }
        return out
    }

    private static func unescape(_ text: some StringProtocol) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == 0x25 else { bytes.append(byte); continue }
            guard let value = Hex.decode(String(decoding: rest.prefix(2), as: UTF8.self)), value.count == 1 else { return nil }
            bytes += value
            rest = rest.dropFirst(2)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// What is wrong with a log.
package enum AuditFault: Error, Equatable, CustomStringConvertible {
    case malformed
    /// The line with this number was changed, or one before it added, left out or moved.
    case broken(line: Int64)
    /// It ends before the line that somebody signed.
    case truncated(at: Int64, signed: Int64)
    /// Line `number` is not the one that was signed: the log was written anew.
    case other(number: Int64)

    package var description: String {
        switch self {
        case .malformed: "a line is no line of an audit"
        case .broken(let line): "the chain is broken at line \(line): it was changed, or a line before it was added or left out"
        case .truncated(let at, let signed): "the log ends at line \(at), but line \(signed) was signed: its end was cut off"
        case .other(let number): "line \(number) is not the one that was signed: the log was written anew"
        }
    }
}

/// The end of a log: what the next line follows, and what is signed.
package struct AuditHead: Equatable, Codable, Sendable {
    package var number: Int64
    package var hash: String

    package init(number: Int64 = 0, hash: String = AuditLine.origin) {
        self.number = number
        self.hash = hash
    }

    /// Takes the next line over, if it is that.
    package mutating func follow(_ line: AuditLine) throws(AuditFault) {
        guard line.number == number + 1, line.hash == AuditLine.hash(after: hash, contentDigest: line.contentDigest) else { throw .broken(line: number + 1) }
        (number, hash) = (line.number, line.hash)
    }
}

/// A log that was read.
package enum AuditChain {
    /// Checks every line and, if somebody signed an end, that it is in there. What follows the last newline was never acknowledged and is left out.
    ///
    /// - Throws: the first fault.
    package static func verify(_ log: [UInt8], signed: AuditHead? = nil) throws(AuditFault) -> [AuditLine] {
        var head = AuditHead()
        var lines: [AuditLine] = []
        for part in log[..<(log.lastIndex(of: 0x0A) ?? 0)].split(separator: 0x0A, omittingEmptySubsequences: false) where !log.isEmpty {
            let line: AuditLine
            do throws(AuditFault) { line = try AuditLine(String(decoding: part, as: UTF8.self)) } catch { throw .broken(line: head.number + 1) }
            try head.follow(line)
            lines.append(line)
        }
        guard let signed, signed.number > 0 else { return lines }
        guard signed.number <= head.number else { throw .truncated(at: head.number, signed: signed.number) }
        guard lines[Int(signed.number) - 1].hash == signed.hash else { throw .other(number: signed.number) }
        return lines
    }

    /// What shows that some lines are in a log that ends in a given way, without the others.
    package struct Excerpt: Equatable, Codable, Sendable {
        /// The end of the log before the first line shown.
        package let before: AuditHead
        /// From there to the end of the log: lines, and of those that are not shown the digests of their contents, 64 digits each.
        package let entries: [String]

        /// The end that follows from it. It proves something if that end was signed.
        package func head() throws(AuditFault) -> AuditHead {
            var head = before
            for entry in entries {
                if entry.utf8.count == 64 {
                    head = AuditHead(number: head.number + 1, hash: AuditLine.hash(after: head.hash, contentDigest: entry))
                } else {
                    try head.follow(try AuditLine(entry))
                }
            }
            return head
        }
    }

    /// The lines that are `shown`, and their place in the log.
    package static func excerpt(_ lines: [AuditLine], showing isShown: (AuditLine) -> Bool) -> Excerpt {
        guard let first = lines.firstIndex(where: isShown) else {
            return Excerpt(before: lines.last.map { AuditHead(number: $0.number, hash: $0.hash) } ?? AuditHead(), entries: [])
        }
        let before = first > 0 ? AuditHead(number: lines[first - 1].number, hash: lines[first - 1].hash) : AuditHead()
        return Excerpt(before: before, entries: lines[first...].map { isShown($0) ? $0.text : $0.contentDigest })
    }
}
