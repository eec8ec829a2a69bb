package import Ambience
package import Sealing

/// A relay's server descriptor: what it says of itself, signed with both of its identities (dir-spec.txt 2.1).
///
/// A value of this type has had every signature and cross-certificate checked. Times have not: an authority asks `refusal`.
package struct RouterDescriptor: Equatable, Sendable {
    /// A larger descriptor is refused.
    package static let limitBytes = 20_000

    /// Bytes per second; `observed` is what the relay says it has carried.
    package struct Bandwidth: Equatable, Sendable {
        package let rate: UInt32
        package let burst: UInt32
        package let observed: UInt32

        package init(rate: UInt32, burst: UInt32, observed: UInt32) {
            self.rate = rate
            self.burst = burst
            self.observed = observed
        }
    }

    /// The descriptor's own bytes, from `router` through the end of the RSA signature.
    package internal(set) var text: [UInt8]
    /// SHA-1 of the text through `router-signature` and its newline.
    package internal(set) var digest: Digest20
    package internal(set) var nickname: String
    package internal(set) var address: IPAddress
    package internal(set) var orPort: UInt16
    /// 0 for none.
    package internal(set) var dirPort: UInt16
    /// The first IPv6 `or-address`.
    package internal(set) var ipv6: SocketAddress?
    package internal(set) var rsa: RSAIdentity
    package internal(set) var ed25519: Ed25519Identity
    /// PKCS#1 DER of the RSA identity key.
    package internal(set) var rsaKey: [UInt8]
    /// PKCS#1 DER of the TAP onion key; nobody uses it, but authorities demand it.
    package internal(set) var onionKey: [UInt8]?
    /// curve25519, 32 bytes.
    package internal(set) var ntorKey: [UInt8]
    /// The earliest end of all certificates in the descriptor.
    package internal(set) var certificatesExpire: WallTime
    package internal(set) var platform: String?
    /// The `proto` line as it was written, `nil` without one.
    package internal(set) var protocolsText: String?
    /// What `protocolsText` says; nothing when it is malformed.
    package internal(set) var protocols: ProtocolVersions
    package internal(set) var published: WallTime
    package internal(set) var uptimeSeconds: UInt64
    package internal(set) var bandwidth: Bandwidth
    package internal(set) var extraInfoSHA1: Digest20?
    package internal(set) var extraInfoSHA256: [UInt8]?
    /// Members as written: nicknames, `$HEX` with or without `=nick` or `~nick`.
    package internal(set) var family: [String]
    /// `ed25519:BASE64`, one for each valid family certificate (proposal 321).
    package internal(set) var familyIDs: [String]
    /// IPv4 only.
    package internal(set) var policy: ExitPolicy
    package internal(set) var ipv6Policy: PolicySummary?
    package internal(set) var isHibernating: Bool
    package internal(set) var isHiddenServiceDirectory: Bool
    /// Answers directory requests over BEGIN_DIR.
    package internal(set) var isTunnelledDirectory: Bool
    package internal(set) var cachesExtraInfo: Bool
    package internal(set) var contact: String?
    /// When the relay will be gone: `dust-expires`, which stock ignores.
    package internal(set) var expires: WallTime?
    /// The key of a mote that is sold on the exchange: `dust-market`, which stock ignores as well.
    package internal(set) var market: [UInt8]?
    /// What a mote that holds letters is on the mix: `dust-mix`, likewise.
    package internal(set) var mix: MixLine?

    package var address4: SocketAddress { SocketAddress(ip: address, port: orPort) }

    /// What an authority puts on the `v` line: `Tor 0.4.9.11`, or `nil` for another program.
    package var version: String? {
        guard let words = platform?.split(separator: " "), words.count >= 2, words[0] == "Tor" else { return nil }
        return "Tor \(words[1])"
    }
}
