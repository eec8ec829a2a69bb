package import Ambience
internal import Compression
package import Directory
internal import Sealing

/// Answers directory requests from a store (dir-spec "Directory server protocol"). It knows nothing of connections.
///
/// 1. `answer` says what the store holds for a request, as plain text: it is a function of the store.
/// 2. `respond` sends that in the form that the asker likes best: as a diff from a consensus that it holds, packed as it accepts. Both
///    take time the first time, so the answer may come later (`DocumentPress`).
package final class DirectoryServer {
    /// Who asks.
    package struct Peer: Sendable {
        package var address: IPAddress?
        /// Over BEGIN_DIR rather than a DirPort.
        package var isTunnelled: Bool
        /// Over a circuit that another relay led to us, so that we cannot know who asks.
        package var isAnonymous: Bool

        package init(address: IPAddress?, isTunnelled: Bool, isAnonymous: Bool = false) {
            self.address = address
            self.isTunnelled = isTunnelled
            self.isAnonymous = isAnonymous
        }
    }

    /// What was served since the start.
    package struct Statistics: Sendable {
        package var requests = 0
        package var consensuses = 0
        package var diffs = 0
        /// Of bodies: as plain text, and as they were sent.
        package var bytesPlain: UInt64 = 0
        package var bytesSent: UInt64 = 0
        /// Of everything that was asked and answered, heads and all.
        package var trafficRead: UInt64 = 0
        package var trafficWritten: UInt64 = 0
    }

    /// What became of a request for a consensus.
    package enum ConsensusEvent: Sendable {
        /// It is answered with this status; `isUnsigned`: what we have is not signed by whom the asker believes.
        case answered(status: Int, isUnsigned: Bool)
        /// The consensus has been handed to the connection, of which this many bytes and milliseconds later nothing was left.
        case delivered(bytes: Int, milliseconds: Int64)
        /// The asker did not read it in time, or went away.
        case abandoned
    }

    let store: DirectoryStore
    /// Hears of each request for a consensus.
    package var onConsensus: (ConsensusEvent, Peer) -> Void = { _, _ in }
    let press: DocumentPress?
    let history: ConsensusHistory?
    package internal(set) var statistics = Statistics()
    /// Our own descriptor and extra-info, for `/tor/server/authority` and `/tor/extra/authority`.
    package var ownDescriptor: () -> RouterDescriptor? = { nil }
    package var ownExtraInfo: () -> ExtraInfo? = { nil }
    /// Our own certificate, for `/tor/keys/authority`; only an authority has one.
    package var ownCertificate: () -> KeyCertificate? = { nil }
    /// The page for people who look at a DirPort with a browser (DirPortFrontPage).
    package var frontPage: [UInt8]?
    /// Takes a POST; `nil` means that the path is unknown. Without it this is a cache, which takes nothing.
    package var onPost: ((HTTPRequest, Peer) -> HTTPResponse?)?
    /// Answers paths that a plain cache does not know, as an authority's `/tor/status-vote/next/…`; `nil` means not found.
    package var onOtherGet: ((_ path: String, Peer) -> HTTPResponse?)?
    /// Answers requests about onion services; without it this is no directory of theirs.
    package var onionServices: OnionServiceDirectory?
    /// Other roles of the node, which answer POSTs below paths of their own.
    package var offices: [DirectoryOffice] = []
    /// Bounds on requests; an authority takes larger ones, votes.
    package var requestLimits = HTTPLimits.relayRequest
    /// Of requests that came and are not answered yet, all together: anybody may post to offices, and nobody is known.
    package var memoryBytes = 64 << 20
    private var heldBytes = 0

    /// Without a `press` everything is sent as plain text and whole.
    package init(store: DirectoryStore, press: DocumentPress? = nil) {
        self.store = store
        self.press = press
        history = press.map { ConsensusHistory(press: $0) }
        for consensus in store.consensuses.values { history?.note(consensus) }
        store.observe { [weak self] change in
            if case .consensus(let flavour) = change, let consensus = self?.store.consensus(flavour) { self?.history?.note(consensus) }
        }
    }

    /// Of a request that is read; false where there is no room. To be given back with `release`.
    func hold(_ bytes: Int) -> Bool {
        guard heldBytes + bytes <= memoryBytes else { return false }
        heldBytes += bytes
        return true
    }

    func release(_ bytes: Int) { heldBytes -= bytes }

    /// The whole answer as plain text, with the headers that clients read.
    package func answer(_ request: HTTPRequest, from peer: Peer, now: WallTime) -> HTTPResponse {
        complete(draft(request, peer, now: now).response, .identity, for: peer, now: now)
    }

    /// The whole answer in the form that the asker likes best; `done` is called once, perhaps at once.
    package func respond(to request: HTTPRequest, from peer: Peer, now: WallTime, _ done: @escaping (HTTPResponse) -> Void) {
        statistics.requests += 1
        if handToOffice(request, peer, { [self] in done(complete($0, .identity, for: peer, now: now)) }) { return }
        shorten(draft(request, peer, now: now)) { [self] draft in
            let plainBytes = draft.response.body.count
            pack(draft, Negotiation.coding(for: request)) { [self] response, coding in
                statistics.bytesPlain += UInt64(plainBytes)
                statistics.bytesSent += UInt64(response.body.count)
                done(complete(response, coding, for: peer, now: now))
            }
        }
    }

    /// Adds the headers that every answer has.
    private func complete(_ response: HTTPResponse, _ coding: ContentCoding, for peer: Peer, now: WallTime) -> HTTPResponse {
        var headers = HTTPHeaders([("Date", now.httpDate)])
        if response.isSuccess {
            if response.headers["Content-Type"] == nil { headers.add("Content-Type", "text/plain") }
            headers.add("Content-Encoding", coding.rawValue)
            headers.add("Content-Length", "\(response.body.count)")
        }
        // A peer in our own network would only learn an address that nobody else can use.
        if let address = peer.address, !address.isPrivate { headers.add("X-Your-Address-Is", "\(address)") }
        for field in response.headers.fields { headers.add(field.name, field.value) }
        var response = response
        response.headers = headers
        return response
    }
}
