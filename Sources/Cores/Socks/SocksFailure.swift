/// Why a request fails, as RFC 1928 section 6 numbers it.
package enum SocksFailure: UInt8, Hashable, Sendable, CaseIterable {
    case general = 1
    case notAllowed = 2
    case networkUnreachable = 3
    case hostUnreachable = 4
    case connectionRefused = 5
    case timeToLiveExpired = 6
    case commandNotSupported = 7
    case addressTypeNotSupported = 8

    /// What stock tells an application for the reason of a RELAY_END (tor-spec 6.3).
    package init(endReason: UInt8) {
        switch endReason {
        case 2, 8: self = .hostUnreachable
        case 3, 12: self = .connectionRefused
        case 4: self = .notAllowed
        case 7: self = .timeToLiveExpired
        default: self = .general
        }
    }
}

/// Why the first bytes of a connection did not become a request. The answer, if the dialect has one, is in the bytes to send.
package enum SocksRefusal: Error, Hashable, Sendable {
    /// Somebody took the port for an HTTP proxy.
    case http
    /// The first byte is of no known version.
    case notSocks(firstByte: UInt8)
    /// SOCKS5 with neither "no authentication" nor "user name and password".
    case noAcceptableMethod
    /// A user name of the reserved `<torS0X>` kind whose format nobody has defined (proposal 351).
    case reservedUsername
    case commandNotSupported(UInt8)
    case addressTypeNotSupported(UInt8)
    /// Fields that break the protocol: wrong lengths, no terminator, port or address zero.
    case malformed
    /// A name that cannot be one: it is not repeated here.
    case malformedName
}
