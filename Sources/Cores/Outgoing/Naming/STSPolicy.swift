/// What a domain publishes of how its mail must be brought (MTA-STS, RFC 8461).
package struct STSPolicy: Hashable, Sendable {
    package enum Mode: String, Sendable { case enforce, testing, none }

    /// Of the file.
    package static let limitBytes = 64 << 10
    /// A year and a day.
    package static let ageLimitSeconds: Int64 = 31_557_600
    private static let patternsLimit = 64
    /// Of a pattern: no name of a server is longer.
    private static let patternLimitBytes = 255

    package let mode: Mode
    /// Names of mail servers, in lower case; `*.` stands for one label.
    package let patterns: [String]
    package let maxAgeSeconds: Int64

    /// The policy file; `nil` for one that must be passed over (section 3.2).
    package init?(_ file: [UInt8]) {
        guard file.count <= Self.limitBytes, let text = String(validating: file, as: UTF8.self) else { return nil }
        var fields: [String: String] = [:], patterns: [String] = []
        for line in text.split(whereSeparator: \.isNewline) {
            guard let colon = line.firstIndex(of: ":") else { return nil }
            let key = String(line[..<colon]), value = String(line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }.prefix { $0 != " " && $0 != "\t" })
            if key == "mx" { patterns.append(value.lowercased()) } else if fields[key] == nil { fields[key] = value }
        }
        guard fields["version"] == "STSv1", let mode = fields["mode"].flatMap(Mode.init), let age = fields["max_age"].flatMap(Int64.init), age >= 0
        else { return nil }
        self.init(mode, patterns, maxAgeSeconds: age)
    }

    init?(_ mode: Mode, _ patterns: [String], maxAgeSeconds: Int64) {
        guard patterns.count <= Self.patternsLimit, mode == .none || !patterns.isEmpty, patterns.allSatisfy({ (1...Self.patternLimitBytes).contains($0.utf8.count) }) else { return nil }
        (self.mode, self.patterns, self.maxAgeSeconds) = (mode, patterns, min(maxAgeSeconds, Self.ageLimitSeconds))
    }

    package func allows(_ host: String) -> Bool {
        patterns.contains { pattern in
            guard pattern.hasPrefix("*.") else { return pattern == host }
            guard let dot = host.firstIndex(of: ".") else { return false }
            return host[host.index(after: dot)...] == pattern.dropFirst(2)
        }
    }

    /// The id in the record of `_mta-sts.DOMAIN`, which changes with the policy; `nil` when there is no policy, which more than one record also means.
    package static func id(in records: [[UInt8]]) -> String? {
        let texts = records.map { String(decoding: $0, as: UTF8.self) }.filter { $0.hasPrefix("v=STSv1;") || $0.hasPrefix("v=STSv1 ") }
        guard texts.count == 1 else { return nil }
        for field in texts[0].split(separator: ";").dropFirst() {
            let parts = field.filter { $0 != " " && $0 != "\t" }.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, parts[0] == "id" else { continue }
            let isID = (1...32).contains(parts[1].utf8.count) && parts[1].utf8.allSatisfy { (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) }
            return isID ? String(parts[1]) : nil
        }
        return nil
    }
}
