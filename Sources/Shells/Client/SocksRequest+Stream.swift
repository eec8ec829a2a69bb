internal import Ambience
internal import Onion
internal import Paths
internal import Relaying
internal import Sealing
internal import Socks

extension SocksRequest {
    /// What a path for it must do.
    var purpose: PathNeed.Purpose {
        guard command == .connect else { return .lookup }
        if let directory { return directory }
        if case .address(let ip) = target { return .port(port, isIPv6: !ip.isIPv4) }
        return .port(port, isIPv6: false)
    }

    /// What the exit is asked.
    func streamTarget(_ port: SocksPortSettings) -> StreamTarget {
        if directory != nil { return .directory }
        return switch (command, target) {
        case (.connect, .address(let ip)): .host("\(ip)", port: self.port, flags: ip.isIPv4 ? 0 : BeginMessage.Flags.ipv6Allowed)
        case (.connect, .name(let name)): .host(name, port: self.port, flags: port.beginFlags)
        case (_, .name(let name)): .resolve(name)
        case (_, .address(let ip)): .resolve(ip.pointerName)
        }
    }

    func isolation(_ port: SocksPortSettings, group: Int, client: IPAddress) -> IsolationKey {
        var key = IsolationKey(group: group)
        if port.isolatesClientAddress { key.clientAddress = client }
        if port.isolatesAuthentication { key.credentials = credentials }
        if port.isolatesProtocol { key.version = version }
        if port.isolatesDestinationPort { key.port = self.port }
        if port.isolatesDestinationAddress { key.target = target }
        return key
    }

    /// Names below `.alt` are in no DNS (RFC 9476), and ours no exit's business.
    private static let ownSuffix = ".dust.alt"
    private static let motesSuffix = ".mote" + ownSuffix

    /// `FINGERPRINT.mote.dust.alt` is the directory of that relay, at the end of a circuit; `any.mote.dust.alt` that of some mote on
    /// the mix, which the consensus says of it (`PathNeed.mixProtocol`).
    var directory: PathNeed.Purpose? {
        guard command == .connect, case .name(let name) = target, name.lowercased().hasSuffix(Self.motesSuffix) else { return nil }
        let label = name.dropLast(Self.motesSuffix.utf8.count).lowercased()
        return label == "any" ? .directory(nil) : RSAIdentity(hex: label).map { .directory($0) }
    }

    /// A name of ours that means nothing.
    var isLostName: Bool { hasSuffix(Self.ownSuffix) && directory == nil }

    var isOnion: Bool { hasSuffix(".onion") }
    /// The old notation that named an exit: a leak, disabled in stock too.
    var namesExit: Bool { hasSuffix(".exit") }

    private func hasSuffix(_ suffix: String) -> Bool {
        if case .name(let name) = target { name.hasSuffix(suffix) } else { false }
    }
}

extension SocksPortSettings {
    fileprivate var beginFlags: UInt32 {
        (allowsIPv6 ? BeginMessage.Flags.ipv6Allowed : 0) | (allowsIPv6 && prefersIPv6 ? BeginMessage.Flags.ipv6Preferred : 0)
    }
}

extension IPAddress {
    /// The name whose PTR record names the host (RFC 1035 3.5, RFC 3596 2.5).
    var pointerName: String {
        let digits = Array("0123456789abcdef")
        if isIPv4 { return bytes.reversed().map { "\($0)." }.joined() + "in-addr.arpa" }
        return bytes.reversed().map { "\(digits[Int($0 & 15)]).\(digits[Int($0 >> 4)])." }.joined() + "ip6.arpa"
    }
}
