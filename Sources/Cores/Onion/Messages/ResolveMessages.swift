package import Ambience
internal import Bytes

/// RESOLVE: look up a name, or an address given as in-addr.arpa or ip6.arpa name (tor-spec "Remote hostname lookup").
package struct ResolveMessage: Equatable, Sendable {
    package var name: String

    package init(name: String) { self.name = name }

    /// The name ends with a NUL or with the body.
    package init(_ body: [UInt8]) throws(MessageError) {
        name = try MessageText.name(body.prefix { $0 != 0 })
    }

    package var encoded: [UInt8] { Array(name.utf8) + [0] }
}

/// One answer to a RESOLVE.
package enum ResolvedAnswer: Equatable, Sendable {
    case address(IPAddress, ttlSeconds: UInt32)
    case name(String, ttlSeconds: UInt32)
    case transientError
    case permanentError
}

/// RESOLVED: the answers (tor-spec "Remote hostname lookup").
package struct ResolvedMessage: Equatable, Sendable {
    private enum Kind {
        static let name: UInt8 = 0
        static let ipv4: UInt8 = 4
        static let ipv6: UInt8 = 6
        static let transientError: UInt8 = 0xF0
        static let permanentError: UInt8 = 0xF1
    }

    /// The life of an error answer as we write it.
    private static let errorTTLSeconds: UInt32 = 60

    package var answers: [ResolvedAnswer]

    package init(answers: [ResolvedAnswer]) { self.answers = answers }

    /// Answers of unknown kinds are skipped.
    package init(_ body: [UInt8]) throws(MessageError) {
        answers = try ByteReader.message(body) { reader in
            var answers: [ResolvedAnswer] = []
            while !reader.isAtEnd {
                let kind = try reader.u8()
                let value = try reader.bytes(Int(try reader.u8()))
                if let answer = try Self.answer(kind, value, ttlSeconds: try reader.u32()) { answers.append(answer) }
            }
            return answers
        }
    }

    /// As many of the answers as fit a relay message of either format.
    package var encoded: [UInt8] {
        var bytes: [UInt8] = []
        for answer in answers {
            let encoded = Self.encode(answer)
            guard bytes.count + encoded.count <= CellLayout.relayDataBytesV1 else { break }
            bytes += encoded
        }
        return bytes
    }

    private static func answer(_ kind: UInt8, _ value: [UInt8], ttlSeconds: UInt32) throws(MessageError) -> ResolvedAnswer? {
        switch kind {
        case Kind.name:
            return .name(try MessageText.name(value), ttlSeconds: ttlSeconds)
        case Kind.ipv4, Kind.ipv6:
            guard let address = IPAddress(bytes: value), address.isIPv4 == (kind == Kind.ipv4) else { throw .badAddress }
            return .address(address, ttlSeconds: ttlSeconds)
        case Kind.transientError: return .transientError
        case Kind.permanentError: return .permanentError
        default: return nil
        }
    }

    private static func encode(_ answer: ResolvedAnswer) -> [UInt8] {
        switch answer {
        case .address(let address, let ttl): encode(address.isIPv4 ? Kind.ipv4 : Kind.ipv6, address.bytes, ttl)
        case .name(let name, let ttl): encode(Kind.name, Array(name.utf8.prefix(MessageText.nameLimitBytes)), ttl)
        case .transientError: encode(Kind.transientError, [], errorTTLSeconds)
        case .permanentError: encode(Kind.permanentError, [], errorTTLSeconds)
        }
    }

    private static func encode(_ kind: UInt8, _ value: [UInt8], _ ttlSeconds: UInt32) -> [UInt8] {
        var writer = ByteWriter(capacity: value.count + 6)
        writer.u8(kind)
        writer.u8(UInt8(value.count))
        writer.append(value)
        writer.u32(ttlSeconds)
        return writer.bytes
    }
}
