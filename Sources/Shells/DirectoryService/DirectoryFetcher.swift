package import Ambience
package import Directory
internal import Logging
package import Loops
package import Relaying
internal import Sealing

/// Keeps a store up to date: fetches what `FetchPlan` decides on, verifies it, and puts it into the store.
///
/// 1. A consensus is parsed and its signatures are checked; one whose certificates are not here waits while they are fetched.
/// 2. Certificates of believed authorities are stored, and waiting consensuses are checked again.
/// 3. Microdescriptors and descriptors are stored only when their digest was asked for, which a verified consensus named.
package final class DirectoryFetcher {
    package struct Settings: Sendable {
        package var plan = FetchPlan.Settings()
        package var tunnels = DirectoryTunnels.Settings()

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

    /// `authorities` are the DirAuthority lines; the store believes their v3 identities. Documents are judged by `time`, else by the loop's clock.
    package init(
        loop: EventLoop, router: OnionRouter, store: DirectoryStore, authorities: [DirectorySource], settings: Settings, time: (any TimeSource)? = nil
    ) {
        self.loop = loop
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
        var headers = HTTPHeaders()
        if case .consensus(let isMicrodesc) = wanted, let held = store.consensus(isMicrodesc ? .microdesc : .ns) {
            headers.add("If-Modified-Since", held.validAfter.httpDate)
        }
        return HTTPRequest(.get, wanted.path(signers: store.authorities.map(\.bytes)), headers: headers)
    }

    private func ended(_ fetch: FetchPlan.Fetch, _ source: DirectorySource, _ result: Result<HTTPResponse, DirectoryTunnels.Failure>) {
        let (outcome, missing): (FetchPlan.Outcome, [DocumentName])
        switch result {
        case .failure(let failure):
            log.info("Directory \(source.nickname) did not answer: \(failure)")
            (outcome, missing) = (failure == .broken ? .refused : .unreachable, [])
        case .success(let response) where response.isPlain: (outcome, missing) = take(response, fetch.request, from: source)
        case .success(let response):
            log.info("Directory \(source.nickname) answered in an encoding that was not asked for: \(response.headers["Content-Encoding"] ?? "")")
            (outcome, missing) = (.refused, [])
        }
        plan.finished(fetch, outcome, missing: missing, now: time.now, using: &random)
        reportDescriptors()
        stepSoon()
    }
}

// MARK: - Taking documents

extension DirectoryFetcher {
    private func take(_ response: HTTPResponse, _ wanted: FetchRequest, from source: DirectorySource) -> (FetchPlan.Outcome, [DocumentName]) {
        switch wanted {
        case .consensus(let isMicrodesc): return (takeConsensus(response, isMicrodesc ? .microdesc : .ns, from: source), [])
        case .documents(let kind, let names):
            if response.status == 404 { return (.partial, names) }
            guard response.isSuccess else { return (.refused, []) }
            let missing = takeDocuments(response.body, kind, names)
            return (missing.isEmpty ? .complete : .partial, missing)
        }
    }

    private func takeConsensus(_ response: HTTPResponse, _ flavour: ConsensusFlavour, from source: DirectorySource) -> FetchPlan.Outcome {
        if response.status == 304 { return .partial }
        guard response.isSuccess else {
            log.info("Directory \(source.nickname) gave no consensus: \(response.status) \(response.reason)")
            return .refused
        }
        do throws(DocumentError) {
            let consensus = try Consensus(response.body)
            guard consensus.flavour == flavour, consensus.isReasonablyLive(at: time.wall) else {
                log.info("Directory \(source.nickname) gave a consensus of \(consensus.validAfter), which is out of date, or our clock is wrong")
                return .refused
            }
            if let held = store.consensus(flavour), held.validAfter >= consensus.validAfter { return .partial }
            return admit(consensus) ? .complete : .refused
        } catch {
            log.info("Directory \(source.nickname) gave a consensus that cannot be read: \(error)")
            return .refused
        }
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
    private func takeDocuments(_ body: [UInt8], _ kind: DocumentName.Kind, _ names: [DocumentName]) -> [DocumentName] {
        switch kind {
        case .certificate: return takeCertificates(body, names)
        case .microdescriptor:
            let documents = DocumentBundle.microdescriptors(body).compactMap { try? Microdescriptor($0) }
            let asked = documents.filter { names.contains(DocumentName(.microdescriptor, $0.digest)) }
            store.put(asked, now: time.wall)
            return names.filter { store.microdescriptor($0.digest) == nil }
        case .descriptor:
            let documents = DocumentBundle.relayDocuments(body).compactMap { try? RouterDescriptor($0) }
            let asked = documents.filter { names.contains(DocumentName(.descriptor, $0.digest.bytes)) }
            store.put(asked, now: time.wall)
            return names.filter { Digest20($0.digest).flatMap { store.descriptor($0) } == nil }
        }
    }

    private func takeCertificates(_ body: [UInt8], _ names: [DocumentName]) -> [DocumentName] {
        let documents = DocumentBundle.certificates(body).compactMap { try? KeyCertificate($0) }
        store.put(documents.filter { store.authorities.contains($0.identity) && $0.expires > time.wall })
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
