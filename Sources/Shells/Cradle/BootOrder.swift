package import Ambience

/// What the first process must know of a machine's order: when the machine ends, how it is reached, and what the mote then does.
///
/// An order is lines of a name and a value. A line `Torrc` ends them: what follows is the mote's torrc, and it does not enrol. Without
/// it the mote enrols with the same text. Names that are not for the first process are left to it.
package struct BootOrder: Equatable, Sendable {
    /// The longest order that is read, in bytes.
    package static let limitBytes = 64 << 10

    package struct Network: Equatable, Sendable {
        package let address: UInt32
        /// 1 to 32 bits.
        package let prefixBits: Int
        package let gateway: UInt32?
        package let nameserver: IPAddress?

        package var mask: UInt32 { UInt32.max << (32 - prefixBits) }
    }

    package enum Task: Equatable, Sendable {
        case enrol
        case relay(torrc: String)
    }

    package let expires: WallTime
    /// `nil` leaves the machine with its loopback interface alone.
    package let network: Network?
    package let task: Task
    /// All of it, for who enrols.
    package let text: String

    /// - Throws: an order that is too long, is no UTF-8, has a line twice, or lacks what is needed.
    package init(_ bytes: [UInt8]) throws(CradleFailure) {
        guard bytes.count <= Self.limitBytes else { throw CradleFailure("the order has more than \(Self.limitBytes) bytes") }
        guard let text = String(validating: bytes, as: UTF8.self), !text.utf8.contains(0) else { throw CradleFailure("the order is not text") }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let end = lines.firstIndex(of: "Torrc") ?? lines.endIndex
        let values = try Self.values(lines[..<end])
        guard let expiry = values["Expires"] else { throw CradleFailure("the order has no Expires line, and no machine runs without an end") }
        guard let expires = WallTime(expiry) else { throw CradleFailure("the order's Expires is no time such as 2027-01-31T12:00:00Z") }
        self.expires = expires
        self.text = text
        network = try Self.network(values)
        if end < lines.endIndex {
            task = .relay(torrc: lines[(end + 1)...].joined(separator: "\n") + "\n")
        } else if values["Coordinator"] != nil {
            task = .enrol
        } else {
            throw CradleFailure("the order has neither a Coordinator line nor a Torrc section")
        }
    }

    private static func values(_ lines: ArraySlice<Substring>) throws(CradleFailure) -> [String: Substring] {
        var values: [String: Substring] = [:]
        for line in lines where !line.isEmpty {
            guard let space = line.firstIndex(of: " "), space > line.startIndex else { throw CradleFailure("the order has a line without a value") }
            let name = String(line[..<space])
            guard values.updateValue(line[line.index(after: space)...], forKey: name) == nil else { throw CradleFailure("the order has a line twice") }
        }
        return values
    }

    private static func network(_ values: [String: Substring]) throws(CradleFailure) -> Network? {
        guard let text = values["Address"] else { return nil }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, case .v4(let address)? = IPAddress(parts[0]), let bits = Int(parts[1]), (1...32).contains(bits) else {
            throw CradleFailure("the order's Address is no IPv4 address with a prefix, such as 10.0.0.2/24")
        }
        var gateway: UInt32?
        if let text = values["Gateway"] {
            guard case .v4(let value)? = IPAddress(text) else { throw CradleFailure("the order's Gateway is no IPv4 address") }
            gateway = value
        }
        var nameserver: IPAddress?
        if let text = values["Nameserver"] {
            guard let value = IPAddress(text) else { throw CradleFailure("the order's Nameserver is no IP address") }
            nameserver = value
        }
        return Network(address: address, prefixBits: bits, gateway: gateway, nameserver: nameserver)
    }
}
