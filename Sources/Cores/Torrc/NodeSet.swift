package import Ambience
internal import Directory
package import Sealing

/// A set of relays as EntryNodes, ExcludeNodes and the like name them: fingerprints, nicknames, networks, or `*` for all.
package struct NodeSet: Equatable, Sendable {
    package struct Network: Equatable, Sendable {
        package let ip: IPAddress
        package let prefixBits: Int
    }

    package var containsAll = false
    package var fingerprints: Set<RSAIdentity> = []
    /// Lower case.
    package var nicknames: Set<String> = []
    package var networks: [Network] = []

    package init() {}

    package var isEmpty: Bool { !containsAll && fingerprints.isEmpty && nicknames.isEmpty && networks.isEmpty }

    static func parse(_ text: String) throws(ValueError) -> NodeSet {
        var set = NodeSet()
        for item in text.split(whereSeparator: { $0 == "," || $0 == " " || $0 == "\t" }) { try set.insert(item) }
        return set
    }

    private mutating func insert(_ item: Substring) throws(ValueError) {
        let name = item.prefix { $0 != "~" && $0 != "=" }
        if item == "*" {
            containsAll = true
        } else if let identity = RSAIdentity(hex: name) {
            fingerprints.insert(identity)
        } else if Nickname.isLegal(item) {
            nicknames.insert(item.lowercased())
        } else if let network = Self.network(item) {
            networks.append(network)
        } else {
            throw ValueError("fingerprints, nicknames, networks (1.2.3.0/24) or * separated by commas (country codes are not supported); \"\(item)\" is none of them")
        }
    }

    private static func network(_ text: Substring) -> Network? {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let ip = IPAddress(first.hasPrefix("[") ? first.dropFirst().dropLast() : first) else { return nil }
        let width = ip.isIPv4 ? 32 : 128
        guard parts.count == 2 else { return Network(ip: ip, prefixBits: width) }
        guard let bits = Int(parts[1]), (0...width).contains(bits) else { return nil }
        return Network(ip: ip, prefixBits: bits)
    }

    /// Whether the relay with this identity, name and address is in the set.
    package func contains(_ identity: RSAIdentity, nickname: String, addresses: [IPAddress]) -> Bool {
        containsAll || fingerprints.contains(identity) || nicknames.contains(nickname.lowercased())
            || networks.contains { network in addresses.contains { network.contains($0) } }
    }
}

extension NodeSet.Network {
    package func contains(_ address: IPAddress) -> Bool {
        guard ip.isIPv4 == address.isIPv4 else { return false }
        return zip(ip.bytes, address.bytes).enumerated().allSatisfy { index, pair in
            let bits = min(max(prefixBits - index * 8, 0), 8)
            return bits == 0 || pair.0 >> UInt8(8 - bits) == pair.1 >> UInt8(8 - bits)
        }
    }
}
