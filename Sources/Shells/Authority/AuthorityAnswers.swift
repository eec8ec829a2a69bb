internal import Bytes
internal import Directory
internal import DirectoryService
internal import Logging
internal import Sealing
internal import Voting

/// Answers what only authorities are asked: uploads, votes, signatures, and documents of the round under way (dir-spec 3, appendix B).
extension Authority {
    func answer(post request: HTTPRequest) -> HTTPResponse? {
        switch request.path {
        case "/tor/": answer(upload: request.body)
        case "/tor/post/vote": answer(receive(vote: request.body), stored: "Vote stored")
        case "/tor/post/consensus-signature": answer(room.receive(signatures: request.body), stored: "Signatures stored")
        default: nil
        }
    }

    private func answer(_ refusal: String?, stored: String) -> HTTPResponse {
        refusal.map { .badRequest($0) } ?? HTTPResponse(status: 200, reason: stored)
    }

    private func answer(upload: [UInt8]) -> HTTPResponse {
        guard upload.count <= HTTPLimits.uploadLimitBytes else { return .badRequest("Upload is too large") }
        switch gate.admit(upload, now: now) {
        case .accepted: return HTTPResponse(status: 200, reason: "Descriptor stored")
        case .notNew:
            // Stock relays read this header: the descriptor was fine, it need not be sent again.
            return HTTPResponse(status: 200, reason: "Descriptor not new", headers: HTTPHeaders([("X-Descriptor-Not-New", "Yes")]))
        case .refused(let reason):
            Logger(label: "authority").info("Refused a descriptor: \(reason)")
            return .badRequest(reason)
        case .notStored: return HTTPResponse(status: 503, reason: "Cannot store the descriptor, try again later")
        }
    }

    func answer(get path: String) -> HTTPResponse? {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        guard parts.starts(with: ["tor", "status-vote"]), parts.count == 4 || parts.count == 5 else { return nil }
        let names = Array(parts.dropFirst(3))
        switch parts[parts.startIndex + 2] {
        case "next": return next(names)
        case "current": return votes(names, room.previousVotes)
        default: return nil
        }
    }

    private func next(_ names: [Substring]) -> HTTPResponse? {
        switch names.first {
        case "consensus", "consensus-ns": pending(.ns)
        case "consensus-microdesc": pending(.microdesc)
        case "consensus-signatures": room.detached.map { .ok($0.text) }
        default: votes(names, room.votes)
        }
    }

    private func pending(_ flavour: ConsensusFlavour) -> HTTPResponse? { room.pending.first { $0.flavour == flavour }.map { .ok($0.text) } }

    /// `authority`, `d/DIGEST+DIGEST` or `FINGERPRINT+FINGERPRINT`.
    private func votes(_ names: [Substring], _ votes: [RSAIdentity: SignedVote]) -> HTTPResponse? {
        guard let name = names.first else { return nil }
        let wanted: [SignedVote]
        if name == "authority" {
            wanted = votes[room.signer.identity].map { [$0] } ?? []
        } else if name == "d", names.count == 2 {
            let digests = Set(names[1].split(separator: "+").compactMap { Hex.decode($0) })
            wanted = votes.values.filter { digests.contains($0.digest) }
        } else {
            wanted = Set(name.split(separator: "+").compactMap { RSAIdentity(hex: $0) }).compactMap { votes[$0] }
        }
        return wanted.isEmpty ? nil : .ok(wanted.flatMap(\.text))
    }
}
