package import Ambience

/// A transport that a proxy serves for our bridge: its name, where it listens, and what clients must know to use it.
package struct ServerTransport: Equatable, Sendable {
    package let name: String
    /// As the proxy tells it; the address may be unspecified.
    package let address: SocketAddress
    /// `key=value` items between commas, with backslashes before commas, equals signs and backslashes of theirs; empty for none.
    package let arguments: String

    package init(name: String, address: SocketAddress, arguments: String = "") {
        self.name = name
        self.address = address
        self.arguments = arguments
    }

    /// The line of the extra-info document by which bridges are handed out (dir-spec.txt 2.1.2, "transport").
    package func extraInfoLine(ownAddresses: [IPAddress]) -> String {
        "transport \(name) \(reachable(ownAddresses))" + (arguments.isEmpty ? "" : " \(arguments)")
    }

    /// What a client writes into its torrc after `Bridge`.
    package func bridgeLine(ownAddresses: [IPAddress], fingerprint: String) -> String {
        ([name, "\(reachable(ownAddresses))", fingerprint] + items).joined(separator: " ")
    }

    /// A proxy that listens on every address is reached at the one that the bridge advertises.
    private func reachable(_ own: [IPAddress]) -> SocketAddress {
        guard address.ip.bytes.allSatisfy({ $0 == 0 }) else { return address }
        let ip = own.first { $0.isIPv4 == address.ip.isIPv4 } ?? own.first ?? address.ip
        return SocketAddress(ip: ip, port: address.port)
    }

    /// The arguments one by one, without their backslashes.
    private var items: [String] {
        guard !arguments.isEmpty else { return [] }
        var items = [""]
        var isEscaped = false
        for character in arguments {
            switch character {
            case _ where isEscaped:
                items[items.count - 1].append(character)
                isEscaped = false
            case "\\": isEscaped = true
            case ",": items.append("")
            default: items[items.count - 1].append(character)
            }
        }
        return items
    }
}
