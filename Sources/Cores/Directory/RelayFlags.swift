/// The flags on a consensus entry's `s` line that mean something to us (dir-spec.txt 3.4.1).
package struct RelayFlags: OptionSet, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: UInt32

    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let authority = RelayFlags(rawValue: 1 << 0)
    package static let badExit = RelayFlags(rawValue: 1 << 1)
    package static let exit = RelayFlags(rawValue: 1 << 2)
    package static let fast = RelayFlags(rawValue: 1 << 3)
    package static let `guard` = RelayFlags(rawValue: 1 << 4)
    package static let hsDir = RelayFlags(rawValue: 1 << 5)
    package static let middleOnly = RelayFlags(rawValue: 1 << 6)
    package static let noEdConsensus = RelayFlags(rawValue: 1 << 7)
    package static let running = RelayFlags(rawValue: 1 << 8)
    package static let stable = RelayFlags(rawValue: 1 << 9)
    package static let staleDesc = RelayFlags(rawValue: 1 << 10)
    package static let sybil = RelayFlags(rawValue: 1 << 11)
    package static let v2Dir = RelayFlags(rawValue: 1 << 12)
    package static let valid = RelayFlags(rawValue: 1 << 13)

    /// In the order of their bits, which is the order of the alphabet.
    package static let names = [
        "Authority", "BadExit", "Exit", "Fast", "Guard", "HSDir", "MiddleOnly", "NoEdConsensus", "Running", "Stable", "StaleDesc", "Sybil", "V2Dir", "Valid",
    ]

    /// The flag with this name; `nil` for one that we do not know.
    package init?(name: some StringProtocol) {
        guard let index = Self.names.firstIndex(where: { $0 == name }) else { return nil }
        rawValue = 1 << UInt32(index)
    }

    /// Sorted by name.
    package var sortedNames: [String] { Self.names.enumerated().filter { rawValue >> UInt32($0.offset) & 1 == 1 }.map(\.element) }
    package var description: String { sortedNames.joined(separator: " ") }
}
