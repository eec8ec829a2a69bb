/// Which versions of which subprotocols a relay speaks, as on `proto` and `pr` lines (tor-spec.txt 9).
package struct ProtocolVersions: Hashable, Sendable, CustomStringConvertible {
    /// The highest version number that can be written.
    package static let versionLimit: UInt8 = 63
    private static let nameLimitBytes = 100

    /// Bit n of a name's value says that version n is spoken.
    package private(set) var versions: [String: UInt64]

    package init() { versions = [:] }

    /// Parses `Cons=1-2 Link=4-5`; `nil` for anything that stock would refuse: numbers above 63, backward ranges, odd names.
    package init?(_ text: some StringProtocol) {
        versions = [:]
        for entry in text.split(separator: " ") {
            guard let mark = entry.firstIndex(of: "="), Self.isName(entry[..<mark]), let bits = Self.bits(entry[entry.index(after: mark)...]) else { return nil }
            versions[String(entry[..<mark]), default: 0] |= bits
        }
    }

    package func supports(_ name: String, _ version: UInt8) -> Bool {
        version <= Self.versionLimit && versions[name, default: 0] >> UInt64(version) & 1 == 1
    }

    /// Whether everything that `other` lists is listed here.
    package func contains(_ other: ProtocolVersions) -> Bool {
        other.versions.allSatisfy { name, bits in bits & ~versions[name, default: 0] == 0 }
    }

    /// What `other` lists and this does not.
    package func missing(from other: ProtocolVersions) -> ProtocolVersions {
        var result = ProtocolVersions()
        for (name, bits) in other.versions where bits & ~versions[name, default: 0] != 0 { result.versions[name] = bits & ~versions[name, default: 0] }
        return result
    }

    package mutating func insert(_ name: String, _ version: UInt8) {
        guard version <= Self.versionLimit else { return }
        versions[name, default: 0] |= 1 << UInt64(version)
    }

    /// All but one name.
    package func removing(_ name: String) -> ProtocolVersions {
        var result = self
        result.versions[name] = nil
        return result
    }

    /// Names sorted, runs of versions as ranges.
    package var description: String {
        versions.keys.sorted().map { "\($0)=\(Self.ranges(versions[$0, default: 0]))" }.joined(separator: " ")
    }

    private static func isName(_ text: some StringProtocol) -> Bool {
        !text.isEmpty && text.utf8.count <= nameLimitBytes
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || $0 == UInt8(ascii: "-") }
    }

    private static func bits(_ text: some StringProtocol) -> UInt64? {
        guard !text.isEmpty else { return 0 }
        var bits: UInt64 = 0
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
            guard let low = Decimal.parse(ends[0], in: 0...versionLimit), let high = ends.count == 2 ? Decimal.parse(ends[1], in: 0...versionLimit) : low, low <= high
            else { return nil }
            for version in low...high { bits |= 1 << UInt64(version) }
        }
        return bits
    }

    private static func ranges(_ bits: UInt64) -> String {
        var parts: [String] = []
        var version = 0
        while version < 64 {
            guard bits >> UInt64(version) & 1 == 1 else {
                version += 1
                continue
            }
            let first = version
            while version < 64, bits >> UInt64(version) & 1 == 1 { version += 1 }
            parts.append(first == version - 1 ? "\(first)" : "\(first)-\(version - 1)")
        }
        return parts.joined(separator: ",")
    }
}
