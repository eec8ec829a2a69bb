/// Numbers of RFC 1928, RFC 1929 and SOCKS4, and our bounds.
enum SocksLayout {
    static let v4: UInt8 = 1
    static let name: UInt8 = 3
    static let v6: UInt8 = 4

    static let noAuthentication: UInt8 = 0
    static let usernamePassword: UInt8 = 2
    static let noMethod: UInt8 = 0xFF
    static let authenticationVersion: UInt8 = 1

    /// A SOCKS4 user id or name that is longer, and any host name, is malformed.
    static let nameLimitBytes = 255
    /// No message of the handshake is longer than this.
    static let messageLimitBytes = 1024
}
