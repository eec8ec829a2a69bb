package import Ambience
internal import Directory
package import Sealing

/// A DirAuthority line: `[NICKNAME] [FLAGS] ADDRESS:DIRPORT FINGERPRINT`.
package struct AuthorityLine: Equatable, Sendable {
    package var nickname: String?
    /// Where it serves directory documents over plain HTTP.
    package var directory: SocketAddress
    package var orPort: UInt16?
    package var ipv6: SocketAddress?
    /// The relay identity of the authority.
    package var rsa: RSAIdentity
    /// The identity under which it signs the consensus; `nil` when it takes no part in voting.
    package var v3Identity: RSAIdentity?
    /// It keeps the descriptors of bridges, and keeps them to itself.
    package var isBridgeAuthority = false

    /// Address and ORPort, when the line tells one.
    package var relay: SocketAddress? { orPort.map { SocketAddress(ip: directory.ip, port: $0) } }

    private static let expected = "[NICKNAME] [orport=PORT] [v3ident=HEX] [ipv6=[ADDRESS]:PORT] ADDRESS:DIRPORT FINGERPRINT"

    static func parse(_ text: String) throws(ValueError) -> AuthorityLine {
        var words = text.split { $0 == " " || $0 == "\t" }[...]
        let nickname = words.first.flatMap { Nickname.isLegal($0) ? String($0) : nil }
        if nickname != nil { words = words.dropFirst() }
        let end = words.firstIndex { SocketAddress($0) != nil && !$0.contains("=") } ?? words.endIndex
        guard end < words.endIndex, let directory = SocketAddress(words[end]), directory.port > 0,
            let rsa = RSAIdentity(hex: words[(end + 1)...].joined())
        else { throw ValueError(expected) }
        var line = AuthorityLine(nickname: nickname, directory: directory, rsa: rsa)
        for flag in words[..<end] { try line.apply(flag) }
        return line
    }

    private mutating func apply(_ flag: Substring) throws(ValueError) {
        if flag.lowercased() == "bridge" { isBridgeAuthority = true }
        let parts = flag.split(separator: "=", maxSplits: 1)
        guard parts.count == 2 else { return }  // "no-v2", "hs" and the like say nothing we act on
        switch parts[0].lowercased() {
        case "orport":
            guard let port = UInt16(parts[1]), port > 0 else { throw ValueError("orport=PORT with a port of 1 to 65535") }
            orPort = port
        case "v3ident":
            guard let identity = RSAIdentity(hex: parts[1]) else { throw ValueError("v3ident= with 40 hex digits") }
            v3Identity = identity
        case "ipv6":
            guard let address = SocketAddress(parts[1]), !address.ip.isIPv4 else { throw ValueError("ipv6=[ADDRESS]:PORT") }
            ipv6 = address
        default: return
        }
    }
}

extension AuthorityLine {
    init(nickname: String?, directory: SocketAddress, rsa: RSAIdentity) {
        self.init(nickname: nickname, directory: directory, orPort: nil, ipv6: nil, rsa: rsa, v3Identity: nil)
    }
}
