internal import Ambience
internal import Bytes
internal import Directory
internal import Sealing

/// What the store holds for each path.
extension DirectoryServer {
    /// Seconds that an answer may be kept, as stock tells in `Expires`.
    private enum Lifetime {
        static let microdescriptors: Int64 = 48 * 3600
        static let oneDescriptor: Int64 = 48 * 3600
        static let allDescriptors: Int64 = 3600
        static let certificates: Int64 = 3600
        static let frontPage: Int64 = 20 * 60
        static let robots: Int64 = 24 * 3600
    }

    /// Descriptors that are asked for by relay are not sent when they are older: their relays would have published since.
    private static let publicationSeconds: Int64 = 20 * 3600

    func draft(_ request: HTTPRequest, _ peer: Peer, now: WallTime) -> AnswerDraft {
        if let answer = onionServices?.answer(request, from: peer) { return AnswerDraft(answer) }
        guard request.method == .get else { return AnswerDraft(post(request, peer)) }
        let since = request.headers["If-Modified-Since"].flatMap { WallTime(httpDate: $0) }
        switch DirectoryRoute(path: request.path) {
        case .consensus(let isMicrodesc, let base, let signers):
            return consensus(isMicrodesc ? .microdesc : .ns, base, signers, request, since: since, now: now)
        case .microdescriptors(let digests):
            return documents(unique(digests).compactMap { store.microdescriptor($0)?.text }, now + Lifetime.microdescriptors)
        case .descriptors(let selection):
            return relayDocuments(descriptors(selection, since: now - Self.publicationSeconds).map(\.text), selection, now)
        case .extraInfos(let selection):
            return relayDocuments(extraInfos(selection, since: now - Self.publicationSeconds).map(\.text), selection, now)
        case .certificates(let selection): return certificates(selection, since: since, now)
        case .frontPage: return AnswerDraft(page(frontPage, "text/html", now + Lifetime.frontPage))
        case .robots: return AnswerDraft(page(Array("User-agent: *\r\nDisallow: /\r\n".utf8), "text/plain", now + Lifetime.robots))
        case .malformed: return AnswerDraft(.badRequest())
        case .other(let path): return AnswerDraft(onOtherGet?(path, peer) ?? .notFound())
        }
    }

    private func post(_ request: HTTPRequest, _ peer: Peer) -> HTTPResponse {
        guard let onPost else { return .badRequest("Nonauthoritative directory does not accept posted server descriptors") }
        return onPost(request, peer) ?? .notFound()
    }

    private func page(_ text: [UInt8]?, _ type: String, _ expires: WallTime) -> HTTPResponse {
        guard let text else { return .notFound() }
        var response = HTTPResponse.ok(text)
        response.headers.add("Content-Type", type)
        response.headers.add("Expires", expires.httpDate)
        return response
    }
}

// MARK: - Consensuses

extension DirectoryServer {
    static let consensusPath = "/tor/status-vote/current/consensus"
    static let unsignedReason = "Consensus not signed by sufficient number of requested authorities"

    private func consensus(
        _ flavour: ConsensusFlavour, _ base: [UInt8]?, _ signers: [[UInt8]], _ request: HTTPRequest, since: WallTime?, now: WallTime
    ) -> AnswerDraft {
        guard let consensus = store.consensus(flavour) else { return AnswerDraft(.notFound("Network status not available")) }
        let newest = history?.newest(flavour)
        let bases = base.map { [$0] } ?? Self.bases(request)
        if let newest, bases.contains(newest.signedDigest) { return AnswerDraft(.notModified) }
        if let refusal = refusal(consensus, signers, now: now) { return AnswerDraft(.notFound(refusal)) }
        if let since, since >= consensus.validAfter { return AnswerDraft(.notModified) }
        guard base == nil || newest != nil else { return AnswerDraft(.notFound("No such diff available")) }
        var draft = AnswerDraft(.ok(consensus.text))
        draft.response.headers.add("Vary", "X-Or-Diff-From-Consensus")
        expire(&draft.response, consensus.freshUntil > now ? consensus.freshUntil : nil)
        (draft.consensus, draft.name, draft.bases, draft.isDiffDemanded) = (newest, newest?.digest, bases, base != nil)
        return draft
    }

    /// `X-Or-Diff-From-Consensus: HEX HEX …`
    private static func bases(_ request: HTTPRequest) -> [[UInt8]] {
        (request.headers["X-Or-Diff-From-Consensus"] ?? "").split(separator: " ").compactMap { Hex.decode($0) }.filter { $0.count == 32 }
    }

    private func refusal(_ consensus: Consensus, _ signers: [[UInt8]], now: WallTime) -> String? {
        if !consensus.isReasonablyLive(at: now) { return now < consensus.validAfter ? "Consensus is too new" : "Consensus is too old" }
        let identities = Set(consensus.signatures.map(\.identity)).map(\.bytes)
        let found = signers.count { signer in identities.contains { $0.starts(with: signer) } }
        return signers.isEmpty || found * 2 > signers.count ? nil : Self.unsignedReason
    }

    /// HTTP/1.0 has no way to say how long; what must not be kept says so.
    private func expire(_ response: inout HTTPResponse, _ expires: WallTime?) {
        if let expires { response.headers.add("Expires", expires.httpDate) } else { response.headers.add("Pragma", "no-cache") }
    }
}

// MARK: - Other documents

extension DirectoryServer {
    private func documents(_ texts: [[UInt8]], _ expires: WallTime?, otherwise reason: String = "Not found") -> AnswerDraft {
        guard !texts.isEmpty else { return AnswerDraft(.notFound(reason)) }
        var response = HTTPResponse.ok(Array(texts.joined()))
        expire(&response, expires)
        return AnswerDraft(response)
    }

    private func relayDocuments(_ texts: [[UInt8]], _ selection: DirectoryRoute.DescriptorSelection, _ now: WallTime) -> AnswerDraft {
        let lifetime = selection == .all ? Lifetime.allDescriptors : texts.count == 1 ? Lifetime.oneDescriptor : nil
        return documents(texts, lifetime.map { now + $0 }, otherwise: "Servers unavailable")
    }

    private func descriptors(_ selection: DirectoryRoute.DescriptorSelection, since: WallTime) -> [RouterDescriptor] {
        switch selection {
        case .all: store.descriptors.filter { $0.published > since }
        case .own: ownDescriptor().map { [$0] } ?? []
        case .fingerprints(let relays): unique(relays).compactMap { descriptor(of: $0) }.filter { $0.published > since }
        case .digests(let digests): unique(digests).compactMap { descriptor($0) }
        }
    }

    private func extraInfos(_ selection: DirectoryRoute.DescriptorSelection, since: WallTime) -> [ExtraInfo] {
        switch selection {
        case .all: store.descriptors.compactMap { store.extraInfo(of: $0.rsa) }.filter { $0.published > since }
        case .own: ownExtraInfo().map { [$0] } ?? []
        case .fingerprints(let relays): unique(relays).compactMap { extraInfo(of: $0) }.filter { $0.published > since }
        case .digests(let digests): unique(digests).compactMap { extraInfo($0) }
        }
    }

    // A node knows its own documents even before it has fetched them back from an authority.
    private func descriptor(of relay: RSAIdentity) -> RouterDescriptor? { ownDescriptor().flatMap { $0.rsa == relay ? $0 : nil } ?? store.descriptor(of: relay) }
    private func descriptor(_ digest: Digest20) -> RouterDescriptor? { store.descriptor(digest) ?? ownDescriptor().flatMap { $0.digest == digest ? $0 : nil } }
    private func extraInfo(of relay: RSAIdentity) -> ExtraInfo? { ownExtraInfo().flatMap { $0.rsa == relay ? $0 : nil } ?? store.extraInfo(of: relay) }
    private func extraInfo(_ digest: Digest20) -> ExtraInfo? { store.extraInfo(digest) ?? ownExtraInfo().flatMap { $0.sha1 == digest ? $0 : nil } }

    private func certificates(_ selection: DirectoryRoute.CertificateSelection, since: WallTime?, _ now: WallTime) -> AnswerDraft {
        let found = certificates(selection)
        let new = found.filter { certificate in since.map { certificate.published >= $0 } ?? true }
        guard found.isEmpty || !new.isEmpty else { return AnswerDraft(.notModified) }
        return documents(new.map(\.text), now + Lifetime.certificates)
    }

    private func certificates(_ selection: DirectoryRoute.CertificateSelection) -> [KeyCertificate] {
        let all = store.sortedCertificates
        switch selection {
        case .all: return all
        case .own: return ownCertificate().map { [$0] } ?? []
        case .identities(let identities):
            // Of each authority the newest.
            return unique(identities).compactMap { identity in all.filter { $0.identity == identity }.max { $0.published < $1.published } }
        case .signingKeys(let digests): return all.filter { digests.contains($0.signingKeyDigest) }
        case .pairs(let names): return all.filter { names.contains($0.name) }
        }
    }

    /// Each name once, in the order asked: repeating a name must not multiply the answer.
    private func unique<Name: Hashable>(_ names: [Name]) -> [Name] {
        var seen: Set<Name> = []
        return names.filter { seen.insert($0).inserted }
    }
}
