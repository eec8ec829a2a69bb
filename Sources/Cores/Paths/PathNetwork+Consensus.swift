package import Directory
package import Sealing

extension PathNetwork {
    /// Joins a consensus with what is known of its relays. Relays that do not speak today's handshakes (Relay=2) are left out.
    ///
    /// - Parameters:
    ///   - earlier: the relays of the consensus before this one; empty when there was none.
    ///   - microdescriptor: looks one up by its SHA-256 digest.
    package init(_ consensus: Consensus, earlier: Set<RSAIdentity> = [], microdescriptor: (_ digest: [UInt8]) -> Microdescriptor?) {
        let relays = consensus.entries.filter { $0.protocols.supports("Relay", 2) }.map { entry in
            var relay = PathRelay(entry, entry.microdescriptorDigest.flatMap(microdescriptor))
            relay.isNew = !earlier.isEmpty && !earlier.contains(entry.rsa)
            return relay
        }
        self.init(relays: relays, weights: PathWeights(consensus.weights))
    }
}

extension PathRelay {
    fileprivate init(_ entry: ConsensusEntry, _ microdescriptor: Microdescriptor?) {
        self.init(
            identity: entry.rsa, nickname: entry.nickname, addresses: entry.addresses, flags: entry.flags, bandwidth: entry.bandwidth,
            protocols: entry.protocols, expires: entry.expires, details: microdescriptor.map { PathDetails($0) })
    }
}

extension PathDetails {
    fileprivate convenience init(_ microdescriptor: Microdescriptor) {
        self.init(
            ed25519: microdescriptor.ed25519, ntorKey: microdescriptor.ntorKey, policy: microdescriptor.policy, policy6: microdescriptor.ipv6Policy,
            family: RelayFamily(members: microdescriptor.family, keys: microdescriptor.familyIDs))
    }
}
