package import Ambience
package import Sealing

/// The authorities' common view of the network, in either flavour (dir-spec.txt 3.4).
///
/// Parsing believes nothing: ask `verify` before using it.
package struct Consensus: Equatable, Sendable {
    /// A larger consensus is refused.
    package static let limitBytes = 16 << 20
    /// More relays than this are refused.
    package static let entryLimit = 50_000
    /// Signatures beyond this many are not looked at.
    package static let signatureLimit = 256

    /// A shared random value with the number of reveals it was made of.
    package struct SharedRandom: Equatable, Sendable {
        package let reveals: Int
        /// 32 bytes.
        package let value: [UInt8]
    }

    /// An authority that took part in the vote.
    package struct Source: Equatable, Sendable {
        package let nickname: String
        package let identity: RSAIdentity
        package let hostname: String
        package let address: IPAddress
        package let dirPort: UInt16
        package let orPort: UInt16
        package let contact: String
        /// SHA-1 of the vote.
        package let voteDigest: Digest20
    }

    /// One authority's signature, by the key whose certificate has these digests.
    package struct Signature: Hashable, Sendable {
        package let identity: RSAIdentity
        package let signingKeyDigest: Digest20
        package let isSHA256: Bool
        package let bytes: [UInt8]
    }

    package let text: [UInt8]
    package let flavour: ConsensusFlavour
    package let method: Int
    package let validAfter: WallTime
    package let freshUntil: WallTime
    package let validUntil: WallTime
    package let voteDelaySeconds: Int64
    package let distributionDelaySeconds: Int64
    package let clientVersions: [String]
    package let serverVersions: [String]
    package let knownFlags: [String]
    package let recommendedClientProtocols: ProtocolVersions
    package let recommendedRelayProtocols: ProtocolVersions
    package let requiredClientProtocols: ProtocolVersions
    package let requiredRelayProtocols: ProtocolVersions
    package let params: [String: Int32]
    package let sharedRandomPrevious: SharedRandom?
    package let sharedRandomCurrent: SharedRandom?
    package let sources: [Source]
    /// In the order of their RSA identities.
    package let entries: [ConsensusEntry]
    /// `bandwidth-weights`, in ten-thousandths; empty without the line.
    package let weights: [String: Int32]
    package let signatures: [Signature]
    /// How much of the text is signed: through the space after the first `directory-signature`.
    let signedCount: Int

    /// The parameter's value, or `fallback` when the authorities say nothing; always within `range`.
    package func param(_ name: String, default fallback: Int32, in range: ClosedRange<Int32> = Int32.min...Int32.max) -> Int32 {
        min(max(params[name] ?? fallback, range.lowerBound), range.upperBound)
    }

    /// The part of the text that signatures and consensus diffs are about.
    package var signedText: ArraySlice<UInt8> { text[..<signedCount] }

    /// SHA3-256 of `signedText`: how a consensus diff names its base.
    package var signedDigest: [UInt8] { Digest.sha3_256(signedText) }

    /// What an authority signs: SHA-1 for `ns`, SHA-256 for `microdesc`.
    package var digest: [UInt8] { flavour == .ns ? Digest.sha1(signedText) : Digest.sha256(signedText) }

    /// The relay's entry, found by halving.
    package func entry(of relay: RSAIdentity) -> ConsensusEntry? {
        var range = entries.indices
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            if entries[middle].rsa == relay { return entries[middle] }
            range = entries[middle].rsa < relay ? middle + 1..<range.upperBound : range.lowerBound..<middle
        }
        return nil
    }

    package func isFresh(at now: WallTime) -> Bool { now < freshUntil }
    package func isValid(at now: WallTime) -> Bool { now < validUntil }

    /// Usable although a little out of date: stock's tolerance of 24 hours on both ends.
    package func isReasonablyLive(at now: WallTime) -> Bool { validAfter - 86400 <= now && now < validUntil + 86400 }
}
