package import Ambience
package import Directory
internal import Sealing

/// Answers directory requests from a store (dir-spec "Directory server protocol"). It knows nothing of connections.
package final class DirectoryServer {
    /// Who asks.
    package struct Peer: Sendable {
        package var address: IPAddress?
        /// Over BEGIN_DIR rather than a DirPort.
        package var isTunnelled: Bool

        package init(address: IPAddress?, isTunnelled: Bool) {
            self.address = address
            self.isTunnelled = isTunnelled
        }
    }

    /// Seconds that an answer may be kept, as stock tells in `Expires`.
    private enum Lifetime {
        static let microdescriptors: Int64 = 48 * 3600
        static let ownDescriptor: Int64 = 48 * 3600
        static let descriptors: Int64 = 3600
        static let certificates: Int64 = 3600
    }

    private let store: DirectoryStore
    /// Our own descriptor and extra-info, for `/tor/server/authority` and `/tor/extra/authority`.
    package var ownDescriptor: () -> RouterDescriptor? = { nil }
    package var ownExtraInfo: () -> ExtraInfo? = { nil }
    /// Our own certificate, for `/tor/keys/authority`; only an authority has one.
    package var ownCertificate: () -> KeyCertificate? = { nil }
    /// Takes a POST; `nil` means that the path is unknown. Without it this is a cache, which takes nothing.
    package var onPost: ((HTTPRequest, Peer) -> HTTPResponse?)?
    /// Answers paths that a plain cache does not know, as an authority's `/tor/status-vote/next/…`; `nil` means not found.
    package var onOtherGet: ((_ path: String, Peer) -> HTTPResponse?)?
    /// Bounds on requests; an authority takes larger ones, votes.
    package var requestLimits = HTTPLimits.relayRequest

    package init(store: DirectoryStore) { self.store = store }

    /// The whole answer, with the headers that clients read.
    package func answer(_ request: HTTPRequest, from peer: Peer, now: WallTime) -> HTTPResponse {
        var response: HTTPResponse
        switch request.method {
        case .post: response = post(request, peer)
        case .get: response = get(request, peer, now: now)
        }
        var headers = HTTPHeaders([("Date", now.httpDate)])
        if response.isSuccess {
            headers.add("Content-Type", "text/plain")
            headers.add("Content-Encoding", "identity")
            headers.add("Content-Length", "\(response.body.count)")
        }
        // A peer in our own network would only learn an address that nobody else can use.
        if let address = peer.address, !address.isPrivate { headers.add("X-Your-Address-Is", "\(address)") }
        for field in response.headers.fields { headers.add(field.name, field.value) }
        response.headers = headers
        return response
    }

    private func post(_ request: HTTPRequest, _ peer: Peer) -> HTTPResponse {
        guard let onPost else { return .badRequest("Nonauthoritative directory does not accept posted server descriptors") }
        return onPost(request, peer) ?? .notFound()
    }

    private func get(_ request: HTTPRequest, _ peer: Peer, now: WallTime) -> HTTPResponse {
        switch DirectoryRoute(path: request.path) {
        case .consensus(let isMicrodesc, let signers):
            let since = request.headers["If-Modified-Since"].flatMap { WallTime(httpDate: $0) }
            return consensus(isMicrodesc ? .microdesc : .ns, signers, since: since, now: now)
        case .microdescriptors(let digests):
            return documents(unique(digests).compactMap { store.microdescriptor($0)?.text }, now + Lifetime.microdescriptors)
        case .descriptors(let selection):
            let lifetime = selection == .own ? Lifetime.ownDescriptor : Lifetime.descriptors
            return documents(descriptors(selection), now + lifetime, otherwise: "Servers unavailable")
        case .extraInfos(let selection): return documents(extraInfos(selection), now + Lifetime.descriptors, otherwise: "Servers unavailable")
        case .certificates(let selection): return documents(certificates(selection), now + Lifetime.certificates)
        case .other(let path): return onOtherGet?(path, peer) ?? .notFound()
        }
    }
}

extension DirectoryServer {
    private func consensus(_ flavour: ConsensusFlavour, _ signers: [[UInt8]], since: WallTime?, now: WallTime) -> HTTPResponse {
        guard let consensus = store.consensus(flavour) else { return .notFound("Network status not available") }
        guard consensus.isReasonablyLive(at: now) else { return .notFound("Consensus is too old") }
        guard isSigned(consensus, byMoreThanHalfOf: signers) else {
            return .notFound("Consensus not signed by sufficient number of requested authorities")
        }
        if let since, since >= consensus.validAfter { return .notModified }
        var response = HTTPResponse.ok(consensus.text)
        response.headers.add("Expires", consensus.freshUntil.httpDate)
        return response
    }

    private func isSigned(_ consensus: Consensus, byMoreThanHalfOf signers: [[UInt8]]) -> Bool {
        let identities = Set(consensus.signatures.map(\.identity)).map(\.bytes)
        let found = signers.count { signer in identities.contains { $0.starts(with: signer) } }
        return signers.isEmpty || found * 2 > signers.count
    }

    private func documents(_ texts: [[UInt8]], _ expires: WallTime, otherwise reason: String = "Not found") -> HTTPResponse {
        guard !texts.isEmpty else { return .notFound(reason) }
        var response = HTTPResponse.ok(Array(texts.joined()))
        response.headers.add("Expires", expires.httpDate)
        return response
    }

    private func descriptors(_ selection: DirectoryRoute.DescriptorSelection) -> [[UInt8]] {
        switch selection {
        case .all: store.descriptors.map(\.text)
        case .own: ownDescriptor().map { [$0.text] } ?? []
        case .fingerprints(let relays): unique(relays).compactMap { descriptor(of: $0)?.text }
        case .digests(let digests): unique(digests).compactMap { descriptor($0)?.text }
        }
    }

    private func extraInfos(_ selection: DirectoryRoute.DescriptorSelection) -> [[UInt8]] {
        switch selection {
        case .all: store.descriptors.compactMap { store.extraInfo(of: $0.rsa)?.text }
        case .own: ownExtraInfo().map { [$0.text] } ?? []
        case .fingerprints(let relays): unique(relays).compactMap { extraInfo(of: $0)?.text }
        case .digests(let digests): unique(digests).compactMap { extraInfo($0)?.text }
        }
    }

    // A node knows its own documents even before it has fetched them back from an authority.
    private func descriptor(of relay: RSAIdentity) -> RouterDescriptor? { ownDescriptor().flatMap { $0.rsa == relay ? $0 : nil } ?? store.descriptor(of: relay) }
    private func descriptor(_ digest: Digest20) -> RouterDescriptor? { store.descriptor(digest) ?? ownDescriptor().flatMap { $0.digest == digest ? $0 : nil } }
    private func extraInfo(of relay: RSAIdentity) -> ExtraInfo? { ownExtraInfo().flatMap { $0.rsa == relay ? $0 : nil } ?? store.extraInfo(of: relay) }
    private func extraInfo(_ digest: Digest20) -> ExtraInfo? { store.extraInfo(digest) ?? ownExtraInfo().flatMap { $0.sha1 == digest ? $0 : nil } }

    private func certificates(_ selection: DirectoryRoute.CertificateSelection) -> [[UInt8]] {
        let wanted: (KeyCertificate) -> Bool
        switch selection {
        case .all: wanted = { _ in true }
        case .own: return ownCertificate().map { [$0.text] } ?? []
        case .identities(let identities): wanted = { identities.contains($0.identity) }
        case .signingKeys(let digests): wanted = { digests.contains($0.signingKeyDigest) }
        case .pairs(let names): wanted = { names.contains($0.name) }
        }
        return store.sortedCertificates.filter(wanted).map(\.text)
    }

    /// Each name once, in the order asked: repeating a name must not multiply the answer.
    private func unique<Name: Hashable>(_ names: [Name]) -> [Name] {
        var seen: Set<Name> = []
        return names.filter { seen.insert($0).inserted }
    }
}
