/// A Tor version string in the order in which authorities count them. It is laxer than `TorVersion`: what another authority
/// votes must be ordered as every stock authority orders it, odd or not (version-spec).
struct VersionOrder {
    private let numbers: [Int]
    /// 0 pre, 1 rc, 2 release, then the patch level.
    private let status: Int
    private let patchLevel: Int
    private let tag: [UInt8]

    /// `Tor 0.4.9.11`, `0.4.9.4-rc`, `0.2.1.1-alpha (git-…)`; `nil` when unparsable.
    init?(_ text: some StringProtocol) {
        var rest = Array(text.utf8)[...]
        if rest.count >= 4, String(decoding: rest.prefix(4), as: UTF8.self).lowercased() == "tor " { rest = rest.dropFirst(4) }
        guard let major = Self.number(&rest), Self.skip(&rest, "."), let minor = Self.number(&rest) else { return nil }
        var micro = 0
        var status = 2
        var patch = 0
        if let next = rest.first, next != UInt8(ascii: "-") {
            guard Self.skip(&rest, "."), let number = Self.number(&rest) else { return nil }
            micro = number
            if let next = rest.first, next != UInt8(ascii: "-") {
                if Self.skip(&rest, "pre") { status = 0 } else if Self.skip(&rest, "rc") { status = 1 } else if !Self.skip(&rest, ".") { return nil }
                guard let level = Self.number(&rest) else { return nil }
                patch = level
            }
        }
        if let next = rest.first, next == UInt8(ascii: "-") || next == UInt8(ascii: ".") { rest.removeFirst() }
        numbers = [major, minor, micro]
        self.status = status
        patchLevel = patch
        tag = Array(rest.prefix { $0 != 0x20 && $0 != 0x09 }.prefix(31))
    }

    private static func number(_ rest: inout ArraySlice<UInt8>) -> Int? {
        let digits = rest.prefix { (0x30...0x39).contains($0) }
        guard !digits.isEmpty, digits.count <= 10, let value = Int(String(decoding: digits, as: UTF8.self)), value <= Int(Int32.max) else { return nil }
        rest = rest.dropFirst(digits.count)
        return value
    }

    private static func skip(_ rest: inout ArraySlice<UInt8>, _ text: String) -> Bool {
        guard rest.starts(with: text.utf8) else { return false }
        rest = rest.dropFirst(text.utf8.count)
        return true
    }

    func precedes(_ other: VersionOrder) -> Bool {
        let mine = numbers + [status, patchLevel]
        let theirs = other.numbers + [other.status, other.patchLevel]
        return mine == theirs ? tag.lexicographicallyPrecedes(other.tag) : mine.lexicographicallyPrecedes(theirs)
    }

    /// Parsable versions first, in their order; others by their bytes.
    static func sorted(_ versions: [String]) -> [String] {
        versions.map { ($0, VersionOrder($0)) }.sorted { a, b in
            switch (a.1, b.1) {
            case (let x?, let y?): x.precedes(y)
            case (_?, nil): true
            case (nil, _?): false
            case (nil, nil): a.0.utf8.lexicographicallyPrecedes(b.0.utf8)
            }
        }.map(\.0)
    }
}
