/// Which ports an exit serves for most addresses: the `p`, `p6` and `ipv6-policy` lines (dir-spec.txt 3.4.1, 3.8.2).
package struct PolicySummary: Hashable, Sendable, CustomStringConvertible {
    /// More ranges than this are refused: the text form is at most 1000 bytes.
    package static let rangeLimit = 500

    /// Whether `ports` are the accepted ones or the refused ones.
    package let isAccept: Bool
    package let ports: [ClosedRange<UInt16>]

    package init(isAccept: Bool, ports: [ClosedRange<UInt16>]) {
        self.isAccept = isAccept
        self.ports = ports
    }

    package static let rejectAll = PolicySummary(isAccept: false, ports: [1...UInt16.max])
    package static let acceptAll = PolicySummary(isAccept: true, ports: [1...UInt16.max])

    /// Parses `accept 80,443` or `reject 1-65535`; port 0 and backward ranges are refused.
    package init?(_ text: some StringProtocol) {
        let words = text.split(separator: " ")
        guard words.count == 2, words[0] == "accept" || words[0] == "reject" else { return nil }
        let parts = words[1].split(separator: ",", omittingEmptySubsequences: false)
        guard parts.count <= Self.rangeLimit else { return nil }
        var ports: [ClosedRange<UInt16>] = []
        for part in parts {
            guard let range = PolicyRule.ports(part) else { return nil }
            ports.append(range)
        }
        self.init(isAccept: words[0] == "accept", ports: ports)
    }

    package func allows(_ port: UInt16) -> Bool { port != 0 && ports.contains { $0.contains(port) } == isAccept }

    /// Whether no port at all is allowed.
    package var isRejectAll: Bool { self == .rejectAll || isAccept && ports.isEmpty }

    package var description: String { (isAccept ? "accept " : "reject ") + Self.text(ports) }

    static func text(_ ports: [ClosedRange<UInt16>]) -> String {
        ports.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ",")
    }
}
