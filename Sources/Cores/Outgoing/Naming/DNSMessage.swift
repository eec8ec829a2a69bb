package import Ambience
internal import Bytes
package import Sealing

/// What is asked about a name. Numbers are IANA's.
package enum DNSType: UInt16, Sendable {
    case a = 1
    case cname = 5
    case mx = 15
    case txt = 16
    case aaaa = 28
    case srv = 33
    case tlsa = 52
}

/// A record of one of those kinds. Names are in lower case and without a dot at their end; the root is empty.
package enum DNSRecord: Hashable, Sendable {
    case address(IPAddress)
    case alias(String)
    case mail(preference: UInt16, host: String)
    case text([UInt8])
    case service(priority: UInt16, weight: UInt16, port: UInt16, host: String)
    case association(TLSARecord)
}

/// What a name server said to one question.
package struct DNSAnswer: Hashable, Sendable {
    package enum Outcome: Hashable, Sendable {
        case found([DNSRecord])
        /// The name exists and has no such record.
        case empty
        /// There is no such name.
        case missing
        /// The server could not say, or is no server for us.
        case failed
    }

    package var outcome: Outcome
    /// The server says that it has checked all signatures (RFC 4035, 3.2.3): worth what the way to it is worth.
    package var isAuthentic: Bool

    package init(_ outcome: Outcome, isAuthentic: Bool = false) { (self.outcome, self.isAuthentic) = (outcome, isAuthentic) }

    package var records: [DNSRecord] { if case .found(let records) = outcome { records } else { [] } }
}

package enum DNSError: Error, Hashable {
    case malformed
    /// It answers something else than was asked.
    case stranger
    /// The name cannot be asked about.
    case name
}

/// Questions to a recursive name server and its answers (RFC 1035, 2782, 6698, 6840).
package enum DNSMessage {
    /// Records taken of one answer.
    package static let recordsLimit = 64
    package static let aliasesLimit = 8
    private static let headBytes = 12

    /// One question. The AD bit asks to be told whether signatures were checked (RFC 6840, 5.7).
    package static func question(_ name: String, _ type: DNSType, id: UInt16) throws(DNSError) -> [UInt8] {
        var writer = ByteWriter(capacity: 300)
        writer.u16(id)
        writer.u16(0x0120)  // recursion desired, AD
        for count: UInt16 in [1, 0, 0, 0] { writer.u16(count) }
        writer.append(try encode(name))
        writer.u16(type.rawValue)
        writer.u16(1)
        return writer.bytes
    }

    /// The id of a message, to find the question.
    package static func id(of message: [UInt8]) -> UInt16? { message.count >= headBytes ? UInt16(message[0]) << 8 | UInt16(message[1]) : nil }

    /// What the server says of `name`, aliases followed.
    package static func answer(_ message: [UInt8], to name: String, _ type: DNSType) throws(DNSError) -> DNSAnswer {
        var parser = DNSParser(message)
        let head = try parser.head()
        guard head.isAnswer, !head.isTruncated, head.questions == 1 else { throw .malformed }
        let asked = try parser.question()
        guard asked.name == (try normal(name)), asked.type == type.rawValue else { throw .stranger }
        switch head.code {
        case 3: return DNSAnswer(.missing, isAuthentic: head.isAuthentic)
        case 0: break
        default: return DNSAnswer(.failed)
        }
        var records: [(name: String, record: DNSRecord)] = []
        for _ in 0..<min(head.answers, recordsLimit) {
            if let found = try parser.record(type) { records.append(found) }
        }
        let values = follow(asked.name, records)
        return DNSAnswer(values.isEmpty ? .empty : .found(values), isAuthentic: head.isAuthentic)
    }

    /// The records of the name at the end of the aliases. All of one answer count as checked or as not.
    private static func follow(_ name: String, _ records: [(name: String, record: DNSRecord)]) -> [DNSRecord] {
        var owner = name
        for _ in 0..<aliasesLimit {
            let alias = records.lazy.compactMap { entry -> String? in if entry.name == owner, case .alias(let target) = entry.record { target } else { nil } }.first
            guard let alias else { break }
            owner = alias
        }
        return records.filter { $0.name == owner }.compactMap { if case .alias = $0.record { nil } else { $0.record } }
    }

    /// In lower case, without the dot at its end.
    static func normal(_ name: String) throws(DNSError) -> String {
        let name = name.hasSuffix(".") ? String(name.dropLast()) : name
        guard !name.isEmpty, name.utf8.count <= 253, name.utf8.allSatisfy({ $0 < 0x80 }) else { throw .name }
        return String(decoding: name.utf8.map { (0x41...0x5A).contains($0) ? $0 + 0x20 : $0 }, as: UTF8.self)
    }

    private static func encode(_ name: String) throws(DNSError) -> [UInt8] {
        var out: [UInt8] = []
        for label in try normal(name).split(separator: ".", omittingEmptySubsequences: false) {
            guard (1...63).contains(label.utf8.count) else { throw .name }
            out += [UInt8(label.utf8.count)] + Array(label.utf8)
        }
        return out + [0]
    }
}
