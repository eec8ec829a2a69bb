package import Ambience
internal import Bytes
package import Directory
internal import Logging
package import Loops
package import Relaying
internal import Sealing

/// Keeps a store up to date: fetches what `FetchPlan` decides on, verifies it, and puts it into the store.
///
/// Answers are unpacked and parsed on a worker (`FetchedDocuments`). A consensus is asked for as a diff from the one that is held; when
/// that does not work out, the next request is for the whole.
///
/// 1. A consensus is parsed and its signatures are checked; one whose certificates are not here waits while they are fetched.
/// 2. Certificates of believed authorities are stored, and waiting consensuses are checked again.
/// 3. Microdescriptors and descriptors are stored only when their digest was asked for, which a verified consensus named.
package final class DirectoryFetcher {
    package struct Settings: Sendable {
        package var plan = FetchPlan.Settings()
        package var tunnels = DirectoryTunnels.Settings()
        /// Whether a cache also keeps relays' extra-info documents (DownloadExtraInfo).
        package var wantsExtraInfo = false

        package init() {}

        /// A client; in a TestingTorNetwork everything happens within seconds.
        package static func client(isTesting: Bool) -> Settings {
            var settings = Settings()
            settings.plan.refresh = isTesting ? .prompt : .client
            settings.adapt(isTesting: isTesting)
            return settings
        }

        /// A relay that serves directory documents: both flavours and the descriptors too.
        package static func cache(isTesting: Bool) -> Settings {
            var settings = Settings()
            settings.plan.wantsPlain = true
            settings.plan.refresh = isTesting ? .prompt : .cache
            settings.adapt(isTesting: isTesting)
            return settings
        }

        private mutating func adapt(isTesting: Bool) {
            guard isTesting else { return }
            plan.firstRetry = .milliseconds(500)
            plan.lastRetry = .seconds(3)
            tunnels.stallTimeout = .seconds(15)
        }
    }

    /// How long a consensus may wait for certificates before it is asked for anew.
    private static let certificateWait = Instant.Span.seconds(300)

    package let tunnels: DirectoryTunnels
    private let loop: EventLoop
    private let time: any TimeSource
    private let store: DirectoryStore
    private let authorities: [DirectorySource]
    private let settings: Settings
    private let worker: BackgroundWorker?
    private let log = Logger(label: "directory")
    private var plan: FetchPlan
    private var sources: [DirectorySource]
    private var random = SecureRandom()
    private var timer: Timer?
    private var isRunning = false
    private var isStepDue = false
    private var waiting: [ConsensusFlavour: (consensus: Consensus, since: Instant)] = [:]
    /// Called whenever a further phase of bootstrapping is reached, up to all descriptors loaded.
    package var onProgress: (BootstrapPhase) -> Void = { _ in }
    private var phase = BootstrapPhase.starting
    /// Flavours whose last diff was no use.
    private var wantsWhole: Set<ConsensusFlavour> = []
    /// Consensuses that came as diffs, and consensuses that came whole.
    package private(set) var diffCount = 0
    package private(set) var wholeCount = 0

    /// - Parameters:
    ///   - authorities: the DirAuthority lines; the store believes their v3 identities.
    ///   - worker: reads answers; without one the loop's thread does.
    ///   - time: documents are judged by it, else by the loop's clock.
    package init(
        loop: EventLoop, router: OnionRouter, store: DirectoryStore, authorities: [DirectorySource], settings: Settings, worker: BackgroundWorker? = nil,
        time: (any TimeSource)? = nil
    ) {
        self.loop = loop
        self.worker = worker
        self.time = time ?? loop
        self.store = store
        self.authorities = authorities
        self.settings = settings
        sources = authorities
        plan = FetchPlan(settings: settings.plan, tiers: authorities.map { _ in 0 })
        tunnels = DirectoryTunnels(router: router, settings: settings.tunnels)
    }

    /// Relays to fetch from, before the authorities are asked; a client's guards. Setting the same ones again changes nothing.
    package var caches: [DirectorySource] = [] {
        didSet {
            guard caches != oldValue else { return }
            sources = caches + authorities
            plan.replaceSources(tiers: caches.map { _ in 0 } + authorities.map { _ in caches.isEmpty ? 0 : 1 })
            stepSoon()
        }
    }

    /// Begins; what the store holds already counts as progress.
    package func start() {
        isRunning = true
        stepSoon()
    }

    /// Stops asking; exchanges under way fail.
    package func stop() {
        isRunning = false
        timer?.cancel()
        timer = nil
        tunnels.closeAll()
    }
}

// MARK: - Steps

extension DirectoryFetcher {
    private func stepSoon() {
        guard isRunning, !isStepDue else { return }
        isStepDue = true
        loop.soon { [weak self] in
            self?.isStepDue = false
            self?.step()
        }
    }

    private func step() {
        guard isRunning else { return }
        forgetWaiting()
        let holdings = holdings()
        for fetch in plan.start(holdings, now: time.now, wall: time.wall, using: &random) { begin(fetch) }
        timer?.cancel()
        timer = plan.deadline(holdings, now: time.now, wall: time.wall).map { deadline in
            // A deadline in the past is answered by the next turn, not by a loop of its own.
            loop.after(max(deadline - time.now, .milliseconds(10))) { [weak self] in self?.step() }
        }
    }

    private func holdings() -> FetchPlan.Holdings {
        var holdings = FetchPlan.Holdings()
        holdings.microdesc = store.consensus(.microdesc)?.times
        holdings.plain = store.consensus(.ns)?.times
        holdings.microdescWaits = waiting[.microdesc] != nil
        holdings.plainWaits = waiting[.ns] != nil
        let missing = waiting.values.flatMap { store.verify($0.consensus, now: time.wall).missing }
        holdings.missing = Set(missing.map { CertificateName(identity: $0.identity, signingKey: $0.signingKeyDigest) }).map { DocumentName($0) }
        if settings.plan.wantsMicrodesc, let consensus = store.consensus(.microdesc) {
            holdings.missing += store.missingMicrodescriptors(of: consensus).map { DocumentName(.microdescriptor, $0) }
        }
        if settings.plan.wantsPlain, let consensus = store.consensus(.ns) {
            holdings.missing += store.missingDescriptors(of: consensus).map { DocumentName(.descriptor, $0.bytes) }
            if settings.wantsExtraInfo { holdings.missing += store.missingExtraInfos(of: consensus).map { DocumentName(.extraInfo, $0.bytes) } }
        }
        return holdings
    }

    private func begin(_ fetch: FetchPlan.Fetch) {
        let source = sources[fetch.source]
        report(.connecting)
        tunnels.exchange(request(fetch.request), with: source, onStep: { [weak self] in self?.stepped($0, fetch.request) }) { [weak self] result in
            self?.ended(fetch, source, result)
        }
    }

    private func request(_ wanted: FetchRequest) -> HTTPRequest {
        var headers = HTTPHeaders([("Accept-Encoding", Negotiation.accepted)])
        if case .consensus(let isMicrodesc) = wanted, let held = store.consensus(isMicrodesc ? .microdesc : .ns) {
            headers.add("If-Modified-Since", held.validAfter.httpDate)
            if !wantsWhole.contains(held.flavour) { headers.add("X-Or-Diff-From-Consensus", Hex.upper(held.signedDigest)) }
        }
        return HTTPRequest(.get, wanted.path(signers: store.authorities.map(\.bytes)), headers: headers)
    }

    private func ended(_ fetch: FetchPlan.Fetch, _ source: DirectorySource, _ result: Result<HTTPResponse, DirectoryTunnels.Failure>) {
        switch result {
        case .failure(let failure):
            log.info("Directory \(source.nickname) did not answer: \(failure)")
            finish(fetch, failure == .broken ? .refused : .unreachable)
        case .success(let response) where response.isSuccess: read(response, fetch, source)
        case .success(let response): finish(fetch, refused(response, fetch.request, by: source), missing: fetch.request.names)
        }
    }

    /// What an answer without documents means.
    private func refused(_ response: HTTPResponse, _ wanted: FetchRequest, by source: DirectorySource) -> FetchPlan.Outcome {
        switch wanted {
        case .consensus:
            if response.status != 304 { log.info("Directory \(source.nickname) gave no consensus: \(response.status) \(response.reason)") }
            return response.status == 304 ? .partial : .refused
        case .documents: return response.status == 404 ? .partial : .refused
        }
    }

    private func read(_ response: HTTPResponse, _ fetch: FetchPlan.Fetch, _ source: DirectorySource) {
        var base: [UInt8]?
        if case .consensus(let isMicrodesc) = fetch.request { base = store.consensus(isMicrodesc ? .microdesc : .ns)?.text }
        let job: @Sendable () -> FetchedDocuments.Reading = { [base] in FetchedDocuments.Reading(response, of: fetch.request, base: base) }
        let done: (FetchedDocuments.Reading) -> Void = { [weak self] in self?.take($0, fetch, from: source, bytes: response.body.count) }
        // With too much on the worker's table the loop reads by itself rather than not at all.
        if worker?.run(job, done) != true { done(job()) }
    }

    private func finish(_ fetch: FetchPlan.Fetch, _ outcome: FetchPlan.Outcome, missing: [DocumentName] = []) {
        plan.finished(fetch, outcome, missing: missing, now: time.now, using: &random)
        reportDescriptors()
        stepSoon()
    }
}

// MARK: - Taking documents

extension DirectoryFetcher {
    private func take(_ reading: FetchedDocuments.Reading, _ fetch: FetchPlan.Fetch, from source: DirectorySource, bytes: Int) {
        guard isRunning else { return }
        switch (reading.result, fetch.request) {
        case (.failure(let failure), let request):
            log.info("Directory \(source.nickname) gave \(failure)")
            if case (.diff, .consensus(let isMicrodesc)) = (failure, request) { wantsWhole.insert(isMicrodesc ? .microdesc : .ns) }
            finish(fetch, .refused)
        case (.success(.consensus(let consensus, let diffBytes)), .consensus(let isMicrodesc)):
            if let diffBytes {
                log.info("Applied a consensus diff of \(diffBytes) bytes (\(bytes) as sent) from \(source.nickname) in place of \(consensus.text.count)")
            }
            finish(fetch, take(consensus, isMicrodesc ? .microdesc : .ns, isDiff: diffBytes != nil, from: source))
        case (.success(let documents), .documents(_, let names)):
            let missing = take(documents, names)
            finish(fetch, missing.isEmpty ? .complete : .partial, missing: missing)
        default: finish(fetch, .refused)
        }
    }

    private func take(_ consensus: Consensus, _ flavour: ConsensusFlavour, isDiff: Bool, from source: DirectorySource) -> FetchPlan.Outcome {
        guard consensus.flavour == flavour, consensus.isReasonablyLive(at: time.wall) else {
            log.info("Directory \(source.nickname) gave a consensus of \(consensus.validAfter), which is out of date, or our clock is wrong")
            return .refused
        }
        if let held = store.consensus(flavour), held.validAfter >= consensus.validAfter { return .partial }
        guard admit(consensus) else { return .refused }
        wantsWhole.remove(flavour)
        if isDiff { diffCount += 1 } else { wholeCount += 1 }
        return .complete
    }

    /// Stores a consensus that is signed by enough, keeps one that may still turn out to be, refuses any other.
    private func admit(_ consensus: Consensus) -> Bool {
        let verification = store.verify(consensus, now: time.wall)
        if verification.isSufficient {
            waiting[consensus.flavour] = nil
            store.put(consensus, now: time.wall)
            return true
        }
        guard verification.isHopeful else {
            log.info("A \(consensus.flavour.rawValue) consensus is not signed by enough authorities")
            return false
        }
        report(.loadingKeys)
        if waiting[consensus.flavour]?.consensus != consensus { waiting[consensus.flavour] = (consensus, time.now) }
        return true
    }

    /// Stores what was asked for; returns what did not come.
    private func take(_ documents: FetchedDocuments, _ names: [DocumentName]) -> [DocumentName] {
        switch documents {
        case .consensus: return names
        case .certificates(let certificates): return take(certificates, names)
        case .microdescriptors(let documents):
            store.put(documents.filter { names.contains(DocumentName(.microdescriptor, $0.digest)) }, now: time.wall)
            return names.filter { store.microdescriptor($0.digest) == nil }
        case .descriptors(let documents):
            store.put(documents.filter { names.contains(DocumentName(.descriptor, $0.digest.bytes)) }, now: time.wall)
            return names.filter { Digest20($0.digest).flatMap { store.descriptor($0) } == nil }
        case .extraInfos(let documents):
            store.put(documents.filter { names.contains(DocumentName(.extraInfo, $0.sha1.bytes)) }, now: time.wall)
            return names.filter { Digest20($0.digest).flatMap { store.extraInfo($0) } == nil }
        }
    }

    private func take(_ certificates: [KeyCertificate], _ names: [DocumentName]) -> [DocumentName] {
        store.put(certificates.filter { store.authorities.contains($0.identity) && $0.expires > time.wall })
        for (flavour, held) in waiting where !admit(held.consensus) { reject(flavour) }
        let here = Set(store.certificates.keys.map { DocumentName($0) })
        return names.filter { !here.contains($0) }
    }

    private func reject(_ flavour: ConsensusFlavour) {
        waiting[flavour] = nil
        plan.rejected(isMicrodesc: flavour == .microdesc, now: time.now, using: &random)
    }

    private func forgetWaiting() {
        for (flavour, held) in waiting where time.now - held.since > Self.certificateWait || !held.consensus.isValid(at: time.wall) { reject(flavour) }
    }
}

// MARK: - Progress

extension DirectoryFetcher {
    private func report(_ next: BootstrapPhase) {
        guard next > phase else { return }
        phase = next
        onProgress(next)
    }

    private func stepped(_ step: DirectoryTunnels.Step, _ request: FetchRequest) {
        switch (step, request) {
        case (.connected, .consensus): report(.requestingStatus)
        case (.answering, .consensus): report(.loadingStatus)
        case (.connected, .documents(.certificate, _)): report(.loadingKeys)
        case (.connected, .documents): report(.requestingDescriptors)
        case (.answering, .documents): break
        }
    }

    private func reportDescriptors() {
        guard settings.plan.wantsMicrodesc, let consensus = store.consensus(.microdesc) else { return }
        let missing = store.missingMicrodescriptors(of: consensus).count
        guard missing < consensus.entries.count else { return }
        report(.loadingDescriptors(have: consensus.entries.count - missing, of: consensus.entries.count))
    }
}

extension Consensus {
    package var times: ConsensusTimes { ConsensusTimes(validAfter: validAfter, freshUntil: freshUntil, validUntil: validUntil) }
}
