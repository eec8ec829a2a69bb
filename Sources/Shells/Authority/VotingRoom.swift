package import Ambience
package import Directory
internal import Logging
package import Sealing
package import Voting

/// One voting round after another: collects votes and signatures, makes consensuses (dir-spec 3). It does no I/O; whoever holds
/// it sends what it makes and publishes what it finishes.
package final class VotingRoom {
    package let signer: AuthoritySigner
    /// v3 identities of all authorities, this one included.
    private let authorities: Set<RSAIdentity>
    private let log = Logger(label: "authority")

    /// Votes of the round under way, by authority, and of the one before.
    package private(set) var votes: [RSAIdentity: SignedVote] = [:]
    package private(set) var previousVotes: [RSAIdentity: SignedVote] = [:]
    package private(set) var pending: [PendingConsensus] = []
    package private(set) var detached: DetachedSignatures?
    /// Signatures of others that came before our own consensus was computed.
    private var early: [DetachedSignatures] = []
    private static let earlyLimit = 64

    package init(signer: AuthoritySigner, authorities: [RSAIdentity]) {
        self.signer = signer
        self.authorities = Set(authorities).union([signer.identity])
    }

    package var authorityCount: Int { authorities.count }
    /// Authorities whose vote is not here yet.
    package var missingVoters: [RSAIdentity] { authorities.filter { votes[$0] == nil }.sorted() }
    package var ownVote: SignedVote? { votes[signer.identity] }

    /// Signs and keeps our vote. `nil` when it cannot be read back, which nobody else could either.
    package func cast(_ vote: Vote) -> SignedVote? {
        do throws(DocumentError) {
            let signed = try SignedVote(vote.text(signer: signer))
            votes[signer.identity] = signed
            return signed
        } catch {
            log.error("Our own vote is malformed: \(error)")
            return nil
        }
    }

    /// Takes another authority's vote for the round that becomes valid at `validAfter`; the reason when it does not.
    package func receive(vote text: [UInt8], validAfter: WallTime, now: WallTime) -> String? {
        do throws(DocumentError) {
            let vote = try SignedVote(text)
            guard authorities.contains(vote.certificate.identity) else { return "Vote not from a recognized authority" }
            guard now < vote.certificate.expires else { return "Vote's certificate has expired" }
            guard vote.vote.validAfter == validAfter else { return "Bad valid-after time" }
            guard votes[vote.certificate.identity]?.vote.published ?? vote.vote.published <= vote.vote.published else { return "OK; but already have a newer vote" }
            votes[vote.certificate.identity] = vote
            return nil
        } catch { return "Unable to parse vote: \(error)" }
    }

    /// Makes and signs both flavours from the votes that are here; `false` when there are votes of too few authorities.
    package func compute(isSharedRandomFresh: Bool = false) -> Bool {
        guard votes.count > authorityCount / 2 else {
            log.warning("Votes of \(votes.count) of \(authorityCount) authorities are too few for a consensus")
            return false
        }
        pending = ConsensusFlavour.allCases.compactMap { flavour in
            ConsensusComputation(Array(votes.values), authorityCount: authorityCount, flavour: flavour, isSharedRandomFresh: isSharedRandomFresh).map { computation in
                var consensus = PendingConsensus(computation)
                consensus.sign(signer)
                return consensus
            }
        }
        for signatures in early { _ = add(signatures) }
        early = []
        refreshDetached()
        return true
    }

    /// Takes another authority's signatures; the reason when it does not.
    package func receive(signatures text: [UInt8]) -> String? {
        do throws(DocumentError) {
            let signatures = try DetachedSignatures(text)
            guard !pending.isEmpty else {
                if early.count < Self.earlyLimit { early.append(signatures) }
                return nil
            }
            let reason = add(signatures)
            refreshDetached()
            return reason
        } catch { return "Unable to parse signatures: \(error)" }
    }

    private func add(_ signatures: DetachedSignatures) -> String? {
        for index in pending.indices {
            let flavour = pending[index].flavour
            guard signatures.digests[flavour] == pending[index].digest else { return "Signatures are on another \(flavour.rawValue) consensus" }
            for signature in signatures.signatures[flavour] ?? [] {
                guard authorities.contains(signature.identity), let certificate = votes[signature.identity]?.certificate,
                    let key = RSAPublicKey(der: certificate.signingKey)
                else { continue }
                pending[index].add(signature, key: key)
            }
        }
        return nil
    }

    private func refreshDetached() {
        guard let vote = ownVote?.vote, !pending.isEmpty else { return }
        detached = DetachedSignatures(pending, validAfter: vote.validAfter, freshUntil: vote.freshUntil, validUntil: vote.validUntil)
    }

    /// The consensuses that enough authorities signed; none when a flavour is missing. Ends the round.
    package func finish() -> [Consensus] {
        defer { clear() }
        let signed = pending.filter { $0.isSigned(authorityCount: authorityCount) }
        guard signed.count == ConsensusFlavour.allCases.count else { return [] }
        do throws(DocumentError) {
            var consensuses: [Consensus] = []
            for consensus in signed { consensuses.append(try Consensus(consensus.text)) }
            return consensuses
        } catch {
            log.error("Our own consensus is malformed: \(error)")
            return []
        }
    }

    private func clear() {
        if !votes.isEmpty { previousVotes = votes }
        votes = [:]
        pending = []
        detached = nil
        early = []
    }
}
