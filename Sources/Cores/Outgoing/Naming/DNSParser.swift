internal import Ambience
internal import Sealing

/// Reads a name server's message from its beginning. Nothing in it is believed.
struct DNSParser {
    struct Head {
        let isAnswer: Bool, isTruncated: Bool, isAuthentic: Bool
        let code: UInt8
        let questions: Int, answers: Int
    }

    private let bytes: [UInt8]
    private var index = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func head() throws(DNSError) -> Head {
        _ = try u16()
        let flags = try u16(), questions = Int(try u16()), answers = Int(try u16())
        _ = (try u16(), try u16())
        return Head(isAnswer: flags & 0x8000 != 0, isTruncated: flags & 0x0200 != 0, isAuthentic: flags & 0x0020 != 0, code: UInt8(flags & 15), questions: questions, answers: answers)
    }

    mutating func question() throws(DNSError) -> (name: String, type: UInt16) {
        let found = try name()
        let type = try u16()
        guard try u16() == 1 else { throw .malformed }
        return (found, type)
    }

    /// The next record; `nil` for one of a kind that was not asked for.
    mutating func record(_ type: DNSType) throws(DNSError) -> (name: String, record: DNSRecord)? {
        let owner = try name(), kind = try u16(), network = try u16()
        _ = (try u16(), try u16())
        let count = Int(try u16())
        guard count <= bytes.count - index else { throw .malformed }
        let end = index + count
        defer { index = end }
        guard network == 1, kind == type.rawValue || kind == DNSType.cname.rawValue, let known = DNSType(rawValue: kind) else { return nil }
        let record = try content(known, end: end)
        // A name inside must not reach beyond its record.
        guard index <= end else { throw .malformed }
        return record.map { (owner, $0) }
    }

    private mutating func content(_ type: DNSType, end: Int) throws(DNSError) -> DNSRecord? {
        switch type {
        case .a, .aaaa:
            guard end - index == (type == .a ? 4 : 16) else { throw .malformed }
            return IPAddress(bytes: bytes[index..<end]).map { .address($0) }
        case .cname: return .alias(try name())
        case .mx: return .mail(preference: try u16(), host: try name())
        case .srv: return .service(priority: try u16(), weight: try u16(), port: try u16(), host: try name())
        case .txt: return .text(try strings(end: end))
        case .tlsa:
            guard end - index > 3 else { throw .malformed }
            return .association(TLSARecord(usage: bytes[index], selector: bytes[index + 1], matching: bytes[index + 2], data: Array(bytes[(index + 3)..<end])))
        }
    }

    /// The strings of a text record, one after the other.
    private mutating func strings(end: Int) throws(DNSError) -> [UInt8] {
        var text: [UInt8] = []
        while index < end {
            let count = Int(bytes[index])
            guard count < end - index else { throw .malformed }
            text += bytes[(index + 1)...].prefix(count)
            index += 1 + count
        }
        return text
    }

    /// A name, its compressed parts looked up: they lie further to the front each time, so there is an end.
    private mutating func name() throws(DNSError) -> String {
        var labels: [String] = [], position = index, limit = index, octets = 0, after: Int?
        while true {
            guard position < bytes.count else { throw .malformed }
            let count = Int(bytes[position])
            if count & 0xC0 == 0xC0 {
                guard position + 1 < bytes.count else { throw .malformed }
                let target = (count & 0x3F) << 8 | Int(bytes[position + 1])
                guard target < limit else { throw .malformed }
                after = after ?? position + 2
                (position, limit) = (target, target)
                continue
            }
            guard count < 64 else { throw .malformed }
            position += 1
            if count == 0 { break }
            octets += count + 1
            guard octets <= 254, count <= bytes.count - position else { throw .malformed }
            labels.append(try Self.label(bytes[position..<position + count]))
            position += count
        }
        index = after ?? position
        return labels.joined(separator: ".")
    }

    /// In lower case. A label that would change a name's meaning as text is no host's.
    private static func label(_ bytes: ArraySlice<UInt8>) throws(DNSError) -> String {
        guard bytes.allSatisfy({ (0x21...0x7E).contains($0) && $0 != 0x2E }) else { throw .malformed }
        return String(decoding: bytes.map { (0x41...0x5A).contains($0) ? $0 + 0x20 : $0 }, as: UTF8.self)
    }

    private mutating func u16() throws(DNSError) -> UInt16 {
        guard bytes.count - index >= 2 else { throw .malformed }
        defer { index += 2 }
        return UInt16(bytes[index]) << 8 | UInt16(bytes[index + 1])
    }
}
