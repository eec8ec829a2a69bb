package import Ambience
internal import Bytes
package import OnionServices
package import Relaying
internal import Sealing

/// Keeps descriptors of onion services and hands them to clients, as one of their directories (rend-spec-v3 "Uploading and downloading hidden service descriptors").
package final class OnionServiceDirectory {
    private static let prefix = "/tor/hs/"
    private static let publishing = "/tor/hs/3/publish"
    private static let descriptors = "/tor/hs/3/"
    /// 32 bytes in base64 without padding.
    private static let nameBytes = 43

    private let time: any TimeSource
    private let memory: MemoryAccount
    private var cache: HSDirCache
    /// What `memory` knows of.
    private var reportedBytes = 0

    /// - Parameter memory: what the descriptors are counted into.
    package init(time: any TimeSource, settings: HSDirCache.Settings, memory: MemoryAccount = MemoryAccount()) {
        self.time = time
        self.memory = memory
        cache = HSDirCache(settings: settings)
    }

    deinit { memory.change(by: -reportedBytes) }

    /// Services whose descriptors came, by their blinded keys; at the bound further ones are not counted.
    private var published: Set<Ed25519Identity> = []
    private static let publishedLimit = 65_536

    /// How many services published here since this was last asked; their keys are forgotten.
    package func takePublished() -> Int {
        defer { published = [] }
        return published.count
    }

    /// What the descriptors take.
    package var bytes: Int { cache.bytes }
    package var count: Int { cache.count }

    package var settings: HSDirCache.Settings {
        get { cache.settings }
        set { cache.settings = newValue }
    }

    /// Gives memory back when the node has too little: drops the least asked-for descriptors; how many bytes that was.
    package func free(_ wanted: Int) -> Int {
        let before = cache.bytes
        cache.shrink(toBytes: before - wanted)
        report()
        return before - cache.bytes
    }

    private func report() {
        memory.change(by: cache.bytes - reportedBytes)
        reportedBytes = cache.bytes
    }

    /// The answer to a request about onion services; `nil` when the request is about something else.
    func answer(_ request: HTTPRequest, from peer: DirectoryServer.Peer) -> HTTPResponse? {
        guard request.path.hasPrefix(Self.prefix) else { return nil }
        // Whoever comes straight to us could be seen to run or to visit the service.
        guard peer.isAnonymous else { return HTTPResponse(status: 503, reason: "Rejecting single hop onion service request") }
        return request.method == .post ? publish(request) : find(request.path)
    }

    private func publish(_ request: HTTPRequest) -> HTTPResponse {
        guard request.path == Self.publishing, let descriptor = try? ServiceDescriptor(request.body, now: time.wall), cache.store(descriptor, now: time.now) else {
            return .badRequest("Invalid HS descriptor. Rejected.")
        }
        report()
        if published.count < Self.publishedLimit { published.insert(descriptor.blindedKey) }
        return HTTPResponse(status: 200, reason: "HS descriptor stored successfully.")
    }

    private func find(_ path: String) -> HTTPResponse {
        guard let name = path.after(Self.descriptors), name.utf8.count == Self.nameBytes, let bytes = Base64.decode(name), let key = Ed25519Identity(bytes),
            let text = cache.text(of: key, now: time.now)
        else { return .notFound() }
        return .ok(text)
    }
}
