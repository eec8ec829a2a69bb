package import Ambience
package import Loops
internal import Names
internal import Sealing

/// The names that an exit of this loop looks up: from memory if it can, else one question for everybody who waits for the same answer.
package final class ExitNames {
    private typealias Waiter = (NameCache.Answer?) -> Void

    private unowned let router: OnionRouter
    private let resolver: Resolver
    private var cache = NameCache()
    private var waiters: [String: [Waiter]] = [:]
    private var patience = NamePatience()

    /// Whether a name server is known.
    package var isConfigured: Bool { resolver.isConfigured }

    init(router: OnionRouter) {
        self.router = router
        resolver = Resolver(loop: router.loop, settings: router.settings.resolver)
        resolver.onAsked = { [unowned router] in router.statistics.namesAsked += 1 }
        resolver.onAnswered = { [unowned router] in router.statistics.namesAnswered[$0] += 1 }
    }

    /// Addresses of a name, honest ones only; IPv6 only if the policy accepts any. Never an empty list.
    package func addresses(of name: String, _ done: @escaping (Result<[IPAddress], Resolver.Failure>) -> Void) {
        guard router.settings.areOddNamesAllowed || HostName.isLegal(name) else { return done(.failure(.permanent)) }
        answer(name.lowercased(), ask: ask) { answer in
            guard case .addresses(let addresses) = answer else { return done(.failure(answer == nil ? .transient : .permanent)) }
            done(.success(addresses))
        }
    }

    /// Names of an address.
    package func names(of ip: IPAddress, _ done: @escaping (Result<[String], Resolver.Failure>) -> Void) {
        answer("[\(ip)]", ask: { [resolver] _, settle in
            resolver.reverse(ip) { settle(.init($0) { .names($0) }) }
        }) { answer in
            guard case .names(let names) = answer else { return done(.failure(answer == nil ? .transient : .permanent)) }
            done(.success(names))
        }
    }

    // MARK: Asking

    private struct Outcome {
        /// `nil`: nobody knows now.
        var answer: NameCache.Answer?
        var ttlSeconds: UInt32 = 0

        init<Value>(_ result: Result<Resolver.Answer<Value>, Resolver.Failure>, _ make: ([Value]) -> NameCache.Answer) {
            switch result {
            case .success(let found): (answer, ttlSeconds) = (make(found.values), found.ttlSeconds)
            case .failure(let failure): answer = failure == .permanent ? .missing : nil
            }
        }

        /// Of two families: what either has.
        func joined(_ other: Outcome) -> Outcome {
            guard case .addresses(let own)? = answer else { return other }
            guard case .addresses(let more)? = other.answer else { return self }
            var both = self
            both.answer = .addresses(own + more)
            both.ttlSeconds = min(ttlSeconds, other.ttlSeconds)
            return both
        }
    }

    private func answer(_ key: String, ask: (String, @escaping (Outcome) -> Void) -> Void, _ done: @escaping Waiter) {
        if let known = cache.find(key, at: router.loop.now) { return done(known) }
        waiters[key, default: []].append(done)
        guard waiters[key]?.count == 1 else { return }
        if patience != router.policy.patience {
            patience = router.policy.patience
            resolver.setPatience(attempts: patience.attempts, timeout: patience.timeout)
        }
        ask(key) { [weak self] in self?.settle(key, $0) }
    }

    private func settle(_ key: String, _ outcome: Outcome) {
        var outcome = outcome
        if case .addresses(let addresses)? = outcome.answer, case let honest = router.settings.nameWatch.honest(addresses) {
            outcome.answer = honest.isEmpty ? .missing : .addresses(honest)
        }
        if let answer = outcome.answer { cache.keep(answer, of: key, ttlSeconds: outcome.ttlSeconds, at: router.loop.now) }
        for waiter in waiters.removeValue(forKey: key) ?? [] { waiter(outcome.answer) }
    }

    private func ask(_ name: String, _ settle: @escaping (Outcome) -> Void) {
        guard router.policy.isIPv6Exit else { return resolver.resolve(name, isIPv4: true) { settle(.init($0) { .addresses($0) }) } }
        var first: Outcome?
        for isIPv4 in [true, false] {
            resolver.resolve(name, isIPv4: isIPv4) { result in
                let outcome = Outcome(result) { .addresses($0) }
                if let other = first { settle(isIPv4 ? outcome.joined(other) : other.joined(outcome)) } else { first = outcome }
            }
        }
    }

    // MARK: Is the name server honest?

    /// Asks for names that cannot exist; what comes is noted in `RouterSettings.nameWatch`.
    package func probe() {
        let watch = router.settings.nameWatch
        for ending in HijackDetector.probeEndings {
            for _ in 0..<HijackDetector.probesPerEnding {
                let label = String(decoding: SecureRandom.bytes(14).map { UInt8(ascii: "a") + $0 % 26 }, as: UTF8.self)
                for isIPv4 in router.policy.isIPv6Exit ? [true, false] : [true] {
                    resolver.resolve(label + ending, isIPv4: isIPv4) { result in
                        switch result {
                        case .success(let answer): watch.note(probe: answer.values)
                        case .failure(.permanent): watch.note(probe: [])
                        case .failure(.transient): break
                        }
                    }
                }
            }
        }
    }

    /// Asks for sites that exist, after `probe` has been answered.
    package func probe(sites: [String]) {
        let watch = router.settings.nameWatch
        for site in sites {
            resolver.resolve(site, isIPv4: true) { if case .success(let answer) = $0 { watch.note(site: site, answer.values) } }
        }
    }
}

/// How often and how long an exit asks a name server: the parameters exit_dns_num_attempts and exit_dns_timeout.
package struct NamePatience: Equatable, Sendable {
    package var attempts: Int32 = 2
    package var timeout: Instant.Span = .seconds(1)

    package init() {}

    package init(attempts: Int32, timeoutMilliseconds: Int32) {
        self.attempts = attempts
        timeout = .milliseconds(Int64(timeoutMilliseconds))
    }
}

/// Addresses of ours that connections go out from (OutboundBindAddress…).
package struct OutboundAddresses: Sendable {
    /// For everything that has none of its own, one of each family.
    package var any: [IPAddress] = []
    package var exit: [IPAddress] = []
    package var link: [IPAddress] = []

    package init() {}

    func forExit(to address: IPAddress) -> IPAddress? { Self.pick(exit + any, address) }
    func forLink(to address: IPAddress) -> IPAddress? { Self.pick(link + any, address) }

    /// Loopback is reached from loopback.
    private static func pick(_ own: [IPAddress], _ address: IPAddress) -> IPAddress? { address.isLoopback ? nil : own.first { $0.isIPv4 == address.isIPv4 } }
}

extension IPAddress {
    fileprivate var isLoopback: Bool {
        switch self {
        case .v4(let value): value >> 24 == 127
        case .v6(let high, let low): high == 0 && low == 1
        }
    }
}
