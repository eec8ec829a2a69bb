package import Ambience
internal import Synchronization

/// Clients that linked to a relay since somebody last asked, for statistics that need no more than to tell addresses apart. One for all
/// loops; touched once per link of a client, and not at all unless the operator wants it counted.
package final class ClientArrivals: Sendable {
    package struct Arrival: Sendable {
        package let address: IPAddress
        /// The pluggable transport, if any.
        package let transport: String?
    }

    /// At the bound further ones are not counted; whoever counts asks once a second.
    package static let limit = 4096

    private let arrivals = Mutex<[Arrival]>([])

    package init() {}

    func note(_ address: IPAddress, transport: String?) {
        arrivals.withLock { if $0.count < Self.limit { $0.append(Arrival(address: address, transport: transport)) } }
    }

    /// Hands over what came, and forgets it.
    package func take() -> [Arrival] {
        arrivals.withLock { arrivals in
            defer { arrivals = [] }
            return arrivals
        }
    }
}

/// What exit streams carried, by port. One for all loops; touched when a stream connects and when it ends.
package final class ExitTraffic: Sendable {
    package struct Port: Sendable {
        /// To the world, and from it.
        package var bytesWritten: UInt64 = 0
        package var bytesRead: UInt64 = 0
        package var streams: UInt64 = 0
    }

    private let ports = Mutex<[UInt16: Port]>([:])

    package init() {}

    func opened(_ port: UInt16) { ports.withLock { $0[port, default: Port()].streams += 1 } }

    func ended(_ port: UInt16, written: UInt64, read: UInt64) {
        ports.withLock {
            $0[port, default: Port()].bytesWritten += written
            $0[port, default: Port()].bytesRead += read
        }
    }

    /// Hands over what was counted, and begins anew.
    package func take() -> [UInt16: Port] {
        ports.withLock { ports in
            defer { ports = [:] }
            return ports
        }
    }
}

/// At which of the addresses that we tell of other relays have linked to us. One for all loops; touched once per link of a relay.
package final class ReachedAddresses: Sendable {
    private let families = Atomic<UInt8>(0)

    package init() {}

    func note(_ address: IPAddress) { families.bitwiseOr(Self.bit(isIPv4: address.isIPv4), ordering: .relaxed) }

    package func contains(isIPv4: Bool) -> Bool { families.load(ordering: .relaxed) & Self.bit(isIPv4: isIPv4) != 0 }

    private static func bit(isIPv4: Bool) -> UInt8 { isIPv4 ? 1 : 2 }
}

/// What is counted beyond totals, because the operator wants to publish it.
package struct CountedThings: OptionSet, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let clients = CountedThings(rawValue: 1)
    package static let exitPorts = CountedThings(rawValue: 2)
    package static let linkDirections = CountedThings(rawValue: 4)
}
