package import Ambience

/// A line of ORPort, DirPort or SocksPort: where to listen and how (tor(1)).
package struct PortLine: Equatable, Sendable {
    package enum Port: Equatable, Sendable {
        case fixed(UInt16)
        /// The node takes any free port.
        case automatic
    }

    /// `nil`: every address of the machine (ORPort, DirPort) or loopback (SocksPort).
    package var ip: IPAddress?
    package var port: Port
    /// Flags as written, lower case.
    package var flags: [String]

    package init(ip: IPAddress? = nil, port: Port, flags: [String] = []) {
        self.ip = ip
        self.port = port
        self.flags = flags
    }

    /// `NoListen`: only advertised; somebody else forwards it to us.
    package var isListening: Bool { !flags.contains("nolisten") }
    /// `NoAdvertise`: listened on, but not in the descriptor.
    package var isAdvertised: Bool { !flags.contains("noadvertise") }
    package var isIPv4Only: Bool { flags.contains("ipv4only") }
    package var isIPv6Only: Bool { flags.contains("ipv6only") }

    static let relayFlags = ["noadvertise", "nolisten", "ipv4only", "ipv6only"]
    static let socksFlags = [
        "isolateclientaddr", "isolatesocksauth", "isolateclientprotocol", "isolatedestport", "isolatedestaddr", "keepaliveisolatesocksauth",
        "ipv4traffic", "ipv6traffic", "preferipv6", "dnsrequest", "oniontraffic", "oniontrafficonly", "cacheipv4dns", "cacheipv6dns", "cachedns",
        "useipv4cache", "useipv6cache", "usednscache", "preferipv6automap", "prefersocksnoauth", "groupwritable", "worldwritable",
        "relaxdirmodecheck", "extendederrors",
    ]

    /// `nil` for `0`, which means "none".
    static func parse(_ text: String, allowing known: [String]) throws(ValueError) -> PortLine? {
        let words = text.split { $0 == " " || $0 == "\t" }
        guard let first = words.first else { throw ValueError("PORT, ADDRESS:PORT or auto") }
        let flags = words.dropFirst().map { $0.lowercased() }
        for flag in flags where !isKnown(flag, known) { throw ValueError("only flags among \(known.joined(separator: ", ")), but \"\(flag)\" is none of them") }
        if first == "0" { return nil }
        let (ip, port) = try address(first)
        return PortLine(ip: ip, port: port, flags: flags)
    }

    private static func isKnown(_ flag: String, _ known: [String]) -> Bool {
        if known.contains(flag) || flag.hasPrefix("no") && known.contains(String(flag.dropFirst(2))) { return true }
        return flag.hasPrefix("sessiongroup=") && known.contains("isolatesocksauth") && UInt32(flag.dropFirst(13)) != nil
    }

    private static func address(_ text: Substring) throws(ValueError) -> (IPAddress?, Port) {
        if text.hasPrefix("unix:") { throw ValueError("an IP port: unix sockets are not supported") }
        if let port = port(text) { return (nil, port) }
        guard let colon = text.lastIndex(of: ":"), let port = port(text[text.index(after: colon)...]) else {
            throw ValueError("PORT, ADDRESS:PORT or auto, with a port of 1 to 65535")
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() } else if host.contains(":") { host = "" }
        guard let ip = host == "localhost" ? .v4(0x7F00_0001) : IPAddress(host) else { throw ValueError("an IP address before the port (IPv6 in brackets)") }
        return (ip, port)
    }

    private static func port(_ text: Substring) -> Port? {
        if text.lowercased() == "auto" { return .automatic }
        guard text.allSatisfy({ $0.isASCII && $0.isNumber }), let port = UInt16(text), port > 0 else { return nil }
        return .fixed(port)
    }
}
