package import Ambience

/// The dialect that an application speaks, which its answer must be written in.
package enum SocksVersion: Hashable, Sendable {
    case socks4
    /// SOCKS4 with the name in place of an address.
    case socks4a
    case socks5
}

/// What an application wants. The two lookups are Tor's own additions (socks-extensions).
package enum SocksCommand: UInt8, Hashable, Sendable {
    case connect = 1
    /// Name to address.
    case resolve = 0xF0
    /// Address to name.
    case resolvePointer = 0xF1
}

/// Where an application wants to go.
package enum SocksTarget: Hashable, Sendable {
    case address(IPAddress)
    /// A host name of letters, digits, `-`, `_` and `.`, in lower case, without a final dot.
    case name(String)
}

/// The bytes of RFC 1929, or SOCKS4's user id with an empty password. Nothing is checked by them: they only tell streams apart.
package struct SocksCredentials: Hashable, Sendable {
    package let username: [UInt8]
    package let password: [UInt8]

    package init(username: [UInt8], password: [UInt8]) {
        self.username = username
        self.password = password
    }
}

/// One application's wish, whole and checked.
package struct SocksRequest: Hashable, Sendable {
    package let version: SocksVersion
    package let command: SocksCommand
    package let target: SocksTarget
    /// Zero only for lookups.
    package let port: UInt16
    package let credentials: SocksCredentials?
    /// The application resolved the name by itself, or so it seems: it gave bare address bytes to connect to.
    package let bypassesNames: Bool

    package init(
        version: SocksVersion, command: SocksCommand, target: SocksTarget, port: UInt16, credentials: SocksCredentials? = nil, bypassesNames: Bool = false
    ) {
        self.version = version
        self.command = command
        self.target = target
        self.port = port
        self.credentials = credentials
        self.bypassesNames = bypassesNames
    }
}
