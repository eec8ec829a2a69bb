package import Ambience

/// One line of an exit policy.
package struct PolicyRule: Hashable, Sendable {
    /// Which addresses a rule is about.
    package enum Network: Hashable, Sendable {
        case anyIPv4, anyIPv6
        /// The network's address and the number of its leading bits that count, 0...32.
        case ipv4(UInt32, bits: UInt8)
        /// High and low halves, 0...128 bits.
        case ipv6(UInt64, UInt64, bits: UInt8)
    }

    package let isAccept: Bool
    package let network: Network
    /// Never includes port 0.
    package let ports: ClosedRange<UInt16>

    package init(isAccept: Bool, network: Network, ports: ClosedRange<UInt16>) {
        self.isAccept = isAccept
        self.network = network
        self.ports = ports
    }

    package static let allPorts: ClosedRange<UInt16> = 1...UInt16.max

    package func matches(_ address: IPAddress, _ port: UInt16) -> Bool { ports.contains(port) && network.contains(address) }

    /// `*`, one port or `low-high`; `nil` for port 0 and backward ranges.
    static func ports(_ text: some StringProtocol) -> ClosedRange<UInt16>? {
        if text == "*" { return allPorts }
        let ends = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = ends.first, let low = Decimal.parse(first, in: allPorts), let high = ends.count == 2 ? Decimal.parse(ends[1], in: allPorts) : low, low <= high
        else { return nil }
        return low...high
    }
}

extension PolicyRule.Network {
    package var isIPv4: Bool {
        switch self {
        case .anyIPv4, .ipv4: true
        case .anyIPv6, .ipv6: false
        }
    }

    /// Leading bits that count; 0 for all addresses of the family.
    package var bits: UInt8 {
        switch self {
        case .anyIPv4, .anyIPv6: 0
        case .ipv4(_, let bits), .ipv6(_, _, let bits): bits
        }
    }

    package func contains(_ address: IPAddress) -> Bool {
        switch (self, address) {
        case (.anyIPv4, .v4), (.anyIPv6, .v6): true
        case (.ipv4(let network, let bits), .v4(let address)): (network ^ address) & Self.mask(bits) == 0
        case (.ipv6(let high, let low, let bits), .v6(let addressHigh, let addressLow)):
            (high ^ addressHigh) & Self.mask64(bits) == 0 && (low ^ addressLow) & Self.mask64(bits > 64 ? bits - 64 : 0) == 0
        default: false
        }
    }

    private static func mask(_ bits: UInt8) -> UInt32 { bits == 0 ? 0 : UInt32.max << (32 - UInt32(min(bits, 32))) }
    private static func mask64(_ bits: UInt8) -> UInt64 { bits == 0 ? 0 : UInt64.max << (64 - UInt64(min(bits, 64))) }

    /// `*` stands for all addresses of the family when the reader knows which one is meant, as in a descriptor.
    var text: String {
        switch self {
        case .anyIPv4: "*"
        case .anyIPv6: "*6"
        case .ipv4(_, bits: 0): "*"
        case .ipv6(_, _, bits: 0): "*6"
        case .ipv4(let network, let bits): IPAddress.v4(network).description + (bits == 32 ? "" : "/\(bits)")
        case .ipv6(let high, let low, let bits): "[\(IPAddress.v6(high, low))]" + (bits == 128 ? "" : "/\(bits)")
        }
    }
}

extension PolicyRule: CustomStringConvertible {
    /// `accept 18.0.0.0/8:80-90`, in the form of a server descriptor.
    package var description: String {
        let range = ports == Self.allPorts ? "*" : PolicySummary.text([ports])
        return "\(isAccept ? "accept" : "reject") \(network.text):\(range)"
    }
}
