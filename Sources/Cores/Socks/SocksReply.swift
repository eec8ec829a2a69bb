package import Ambience
internal import Bytes

/// The last message of the handshake, in the application's dialect.
package enum SocksReply {
    /// What a lookup found.
    package enum Answer: Hashable, Sendable {
        case address(IPAddress)
        case name(String)
    }

    /// The stream is open: bytes of the far end follow. The bound address stays zero, as stock leaves it.
    package static func connected(_ version: SocksVersion) -> [UInt8] {
        switch version {
        case .socks4, .socks4a: [0, granted, 0, 0, 0, 0, 0, 0]
        case .socks5: five(0)
        }
    }

    /// Fails as a host that cannot be reached when the dialect has no room for the answer.
    package static func resolved(_ version: SocksVersion, _ answer: Answer) -> [UInt8] {
        switch (version, answer) {
        case (.socks5, .address(let ip)): [5, 0, 0, ip.isIPv4 ? SocksLayout.v4 : SocksLayout.v6] + ip.bytes + [0, 0]
        case (.socks5, .name(let name)):
            name.utf8.count > SocksLayout.nameLimitBytes
                ? failed(version, .hostUnreachable) : [5, 0, 0, SocksLayout.name, UInt8(name.utf8.count)] + Array(name.utf8) + [0, 0]
        case (_, .address(.v4(let value))): [0, granted, 0, 0] + IPAddress.v4(value).bytes
        default: failed(version, .hostUnreachable)
        }
    }

    package static func failed(_ version: SocksVersion, _ failure: SocksFailure) -> [UInt8] {
        switch version {
        case .socks4, .socks4a: [0, rejected, 0, 0, 0, 0, 0, 0]
        case .socks5: five(failure.rawValue)
        }
    }

    /// For whoever sends an HTTP request to a SOCKS port.
    package static let http = Array(
        """
        HTTP/1.0 501 This is a SOCKS port\r
        Content-Type: text/plain; charset=utf-8\r
        Connection: close\r
        \r
        This port speaks SOCKS5 and SOCKS4a, not HTTP. In your application, set it as the SOCKS proxy\r
        (and let the proxy resolve names) instead of as the HTTP proxy.\r

        """.utf8)

    private static let granted: UInt8 = 0x5A
    private static let rejected: UInt8 = 0x5B

    private static func five(_ code: UInt8) -> [UInt8] { [5, code, 0, SocksLayout.v4, 0, 0, 0, 0, 0, 0] }
}
