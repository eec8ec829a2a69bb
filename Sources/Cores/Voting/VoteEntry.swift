package import Ambience
package import Sealing

/// One relay in a vote.
package struct VoteEntry: Sendable {
    package var nickname: String
    package var rsa: RSAIdentity
    /// SHA-1 of the server descriptor.
    package var descriptorDigest: [UInt8]
    package var published: WallTime
    package var address: IPAddress
    package var orPort: UInt16
    package var directoryPort: UInt16
    package var ipv6: SocketAddress?
    /// Sorted; every one is a known flag of the vote.
    package var flags: [String] = []
    package var version: String?
    package var protocols: String?
    /// Kilobytes a second.
    package var bandwidth: UInt32?
    package var measuredBandwidth: UInt32?
    package var guardFraction: UInt32?
    /// When the descriptor says that the relay ends (`dust-expires`).
    package var expires: WallTime?
    /// What follows `p `.
    package var exitSummary: String?
    package var ed25519: Ed25519Listing = .unlisted
    /// What follows `stats `.
    package var statistics: String?
    package var microdescriptors: [MicrodescriptorVote] = []

    package init(nickname: String, rsa: RSAIdentity, descriptorDigest: [UInt8], published: WallTime, address: IPAddress, orPort: UInt16, directoryPort: UInt16) {
        self.nickname = nickname
        self.rsa = rsa
        self.descriptorDigest = descriptorDigest
        self.published = published
        self.address = address
        self.orPort = orPort
        self.directoryPort = directoryPort
    }
}

/// What an entry's `id ed25519` line says.
package enum Ed25519Listing: Hashable, Sendable {
    /// No such line.
    case unlisted
    /// `id ed25519 none`
    case none
    case key(Ed25519Identity)
}

/// An `m` line: the microdescriptor that these consensus methods make of the descriptor.
package struct MicrodescriptorVote: Equatable, Sendable {
    package var methods: [Int]
    /// SHA-256.
    package var digest: [UInt8]

    package init(methods: [Int], digest: [UInt8]) {
        self.methods = methods
        self.digest = digest
    }
}
