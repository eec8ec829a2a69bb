package import Ambience
internal import Bytes

/// Policies that were fetched, for as long as their domains say: whoever can suppress a record later cannot undo them (RFC 8461, 10.2).
package struct STSCache: Sendable {
    package static let limit = 4_096
    private static let version: UInt8 = 1

    private struct Entry {
        let policy: STSPolicy
        let id: String
        let ends: WallTime
    }

    private var entries: [String: Entry] = [:]

    package init() {}

    package var domains: [String] { Array(entries.keys) }

    package func policy(of domain: String, at now: WallTime) -> STSPolicy? { entries[domain].flatMap { $0.ends > now ? $0.policy : nil } }

    /// Whether what is kept is what the domain's record announces.
    package func has(_ id: String, of domain: String, at now: WallTime) -> Bool { entries[domain].map { $0.id == id && $0.ends > now } ?? false }

    /// - Returns: domains that are forgotten because there were too many: all whose policies have ended, or else the one that ends next.
    package mutating func keep(_ policy: STSPolicy, id: String, of domain: String, at now: WallTime) -> [String] {
        var forgotten: [String] = []
        if entries[domain] == nil, entries.count >= Self.limit {
            let ended = entries.filter { $0.value.ends <= now }.map(\.key)
            forgotten = ended.isEmpty ? entries.min { $0.value.ends < $1.value.ends }.map { [$0.key] } ?? [] : ended
            for old in forgotten { entries[old] = nil }
        }
        entries[domain] = Entry(policy: policy, id: id, ends: now + policy.maxAgeSeconds)
        return forgotten
    }

    // MARK: Records

    /// What is kept of a domain, to be written down: `version 1 | ends 8 | mode | id | domain | patterns`, each a length of one byte and its text.
    package func record(of domain: String) -> [UInt8]? {
        guard let entry = entries[domain] else { return nil }
        var writer = ByteWriter()
        writer.u8(Self.version)
        writer.u64(UInt64(max(0, entry.ends.secondsSinceEpoch)))
        for text in [entry.policy.mode.rawValue, entry.id, domain] + entry.policy.patterns {
            guard text.utf8.count <= UInt8.max else { return nil }
            writer.u8(UInt8(text.utf8.count))
            writer.append(Array(text.utf8))
        }
        return writer.bytes
    }

    /// Takes a record back.
    /// - Returns: whether it was one and has not ended.
    @discardableResult package mutating func resume(_ record: [UInt8], at now: WallTime) -> Bool {
        guard entries.count < Self.limit, let (domain, entry) = Self.read(record, at: now), entry.ends > now else { return false }
        entries[domain] = entry
        return true
    }

    private static func read(_ record: [UInt8], at now: WallTime) -> (String, Entry)? {
        var reader = ByteReader(record), texts: [String] = []
        guard (try? reader.u8()) == version, let seconds = try? reader.u64(), seconds < 1 << 40 else { return nil }
        while !reader.isAtEnd {
            guard let count = try? reader.u8(), let bytes = try? reader.slice(Int(count)), let text = String(validating: bytes, as: UTF8.self) else { return nil }
            texts.append(text)
        }
        guard texts.count >= 3, let mode = STSPolicy.Mode(rawValue: texts[0]) else { return nil }
        let ends = WallTime(secondsSinceEpoch: min(Int64(seconds), now.secondsSinceEpoch + STSPolicy.ageLimitSeconds))
        guard let policy = STSPolicy(mode, Array(texts.dropFirst(3)), maxAgeSeconds: ends - now) else { return nil }
        return (texts[2], Entry(policy: policy, id: texts[1], ends: ends))
    }
}
