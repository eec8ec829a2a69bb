package import Ambience

/// What a server-side proxy is told through its environment (pt-spec.txt "Pluggable PT Configuration Environment Variables").
package struct ServerProxyEnvironment: Sendable {
    /// In the order of the torrc.
    package var transports: [String]
    /// Where each listens; a transport without an entry takes any port of all IPv4 addresses.
    package var listenAddresses: [String: SocketAddress] = [:]
    /// `key=value` items for each.
    package var options: [String: [String]] = [:]
    /// A folder of the proxy's own.
    package var stateFolder: String
    /// Our ORPort, for proxies that do not speak the extended one.
    package var orPort: SocketAddress
    package var extORPort: SocketAddress?
    package var cookieFile: String?
    /// Addresses of ours that the proxy's connections go out from, the first of each family.
    package var outbound: [IPAddress] = []

    package init(transports: [String], stateFolder: String, orPort: SocketAddress) {
        self.transports = transports
        self.stateFolder = stateFolder
        self.orPort = orPort
    }

    package var variables: [String: String] {
        let bind = transports.map { "\($0)-\(listenAddresses[$0] ?? SocketAddress(ip: .v4(0), port: 0))" }
        var variables = [
            "TOR_PT_MANAGED_TRANSPORT_VER": "1", "TOR_PT_STATE_LOCATION": stateFolder, "TOR_PT_EXIT_ON_STDIN_CLOSE": "1",
            "TOR_PT_SERVER_TRANSPORTS": transports.joined(separator: ","), "TOR_PT_SERVER_BINDADDR": bind.joined(separator: ","),
            "TOR_PT_ORPORT": "\(orPort)",
            // Empty rather than left out: what our own environment says of it must not reach the proxy.
            "TOR_PT_EXTENDED_SERVER_PORT": extORPort.map { "\($0)" } ?? "",
        ]
        if extORPort != nil, let cookieFile { variables["TOR_PT_AUTH_COOKIE_FILE"] = cookieFile }
        if let v4 = outbound.first(where: \.isIPv4) { variables["TOR_PT_OUTBOUND_BIND_ADDRESS_V4"] = "\(v4)" }
        if let v6 = outbound.first(where: { !$0.isIPv4 }) { variables["TOR_PT_OUTBOUND_BIND_ADDRESS_V6"] = "[\(v6)]" }
        if !optionText.isEmpty { variables["TOR_PT_SERVER_TRANSPORT_OPTIONS"] = optionText }
        return variables
    }

    private var optionText: String {
        transports.flatMap { name in (options[name] ?? []).map { "\(name):\(Self.escaped($0))" } }.joined(separator: ";")
    }

    private static func escaped(_ item: String) -> String {
        item.reduce(into: "") { text, character in
            if ":;\\".contains(character) { text.append("\\") }
            text.append(character)
        }
    }
}
