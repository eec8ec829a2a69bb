internal import Ambience
internal import Loops
internal import Outgoing
internal import Sealing

/// Finds the servers that may take a domain's letters, in the order to try.
final class RouteFinder {
    private let settings: DeliverySettings
    private let dialling: Dialling
    private let resolver: StubResolver
    private let policies: PolicyFinder
    private var random = SecureRandom()

    init(_ settings: DeliverySettings, _ dialling: Dialling, _ resolver: StubResolver, _ context: TLSContext, _ shelf: PolicyShelf) {
        (self.settings, self.dialling, self.resolver) = (settings, dialling, resolver)
        policies = PolicyFinder(settings, dialling, resolver, context, shelf)
    }

    /// Never before it returns. A domain that one kind of route refuses for good may still have another.
    func find(_ domain: String, done: @escaping (Result<[MailHop], NoRoute>) -> Void) {
        dialling.loop.soon { [self] in collect(settings.routes[...], domain, [], nil, done) }
    }

    private func collect(_ routes: ArraySlice<DeliverySettings.Route>, _ domain: String, _ hops: [MailHop], _ refusal: NoRoute?, _ done: @escaping (Result<[MailHop], NoRoute>) -> Void) {
        guard let route = routes.first else {
            return done(hops.isEmpty ? .failure(refusal ?? .ever("5.4.4", "no way leads from here to \(domain)")) : .success(hops))
        }
        let next = { [self] (found: Result<[MailHop], NoRoute>) in
            switch found {
            case .success(let more): collect(routes.dropFirst(), domain, hops + more, refusal, done)
            // What may change counts more than what seems to be for ever.
            case .failure(let why): collect(routes.dropFirst(), domain, hops, refusal == .now ? .now : why, done)
            }
        }
        switch route {
        case .onion: findOnion(domain, next)
        case .direct: findDirect(domain, next)
        case .relay: findRelay(next)
        }
    }

    // MARK: Onion services

    private func findOnion(_ domain: String, _ done: @escaping (Result<[MailHop], NoRoute>) -> Void) {
        let known = settings.onions.known(domain)
        guard settings.proxy != nil, known.isEmpty, !domain.hasSuffix(".onion") else { return done(.success(settings.proxy == nil ? [] : known)) }
        resolver.ask(OnionRoutes.serviceName + domain, .srv) { [self] answer in done(.success(OnionRoutes.announced(answer, &random))) }
    }

    // MARK: The domain's own servers

    private func findDirect(_ domain: String, _ done: @escaping (Result<[MailHop], NoRoute>) -> Void) {
        guard !domain.hasSuffix(".onion") else { return done(.success([])) }
        guard domain.utf8.allSatisfy({ $0 < 0x80 }) else { return done(.failure(.ever("5.1.2", "write the domain \(domain) in its ASCII form, which begins with xn--"))) }
        guard !domain.hasPrefix("[") else { return done(.failure(.ever("5.1.2", "letters go to domains, not to addresses of machines"))) }
        resolver.ask(domain, .mx) { [self] answer in
            let names: [String]
            do throws(NoRoute) { names = try DirectRoutes.hosts(of: domain, answer, &random) } catch { return done(.failure(error)) }
            policies.find(domain) { [self] policy in
                hosts(names[...], [], answer.isAuthentic) { [self] hosts in done(hops(hosts, domain, policy)) }
            }
        }
    }

    private func hops(_ hosts: [DirectRoutes.Host], _ domain: String, _ policy: STSPolicy?) -> Result<[MailHop], NoRoute> {
        let hops = hosts.compactMap { host -> MailHop? in
            let addresses = DirectRoutes.reachable(host.addresses, allowsPrivate: settings.allowsPrivate)
            guard !addresses.isEmpty, let trust = DirectRoutes.trust(in: host, of: domain, policy) else { return nil }
            return MailHop(host: host.name, port: settings.mailPort, addresses: addresses, trust: trust)
        }
        return hops.isEmpty ? .failure(.now) : .success(hops)
    }

    private func hosts(_ names: ArraySlice<String>, _ found: [DirectRoutes.Host], _ isAuthentic: Bool, _ done: @escaping ([DirectRoutes.Host]) -> Void) {
        guard let name = names.first else { return done(found) }
        addresses(of: name) { [self] addresses, areAuthentic in
            let isSigned = isAuthentic && areAuthentic
            let next = { [self] (answer: DNSAnswer?) in
                hosts(names.dropFirst(), found + [.init(name: name, addresses: addresses, isAuthentic: isSigned, associations: answer)], isAuthentic, done)
            }
            guard isSigned, !addresses.isEmpty else { return next(nil) }
            resolver.ask("_\(settings.mailPort)._tcp.\(name)", .tlsa) { next($0) }
        }
    }

    /// Of both families, and whether all that was said of them was signed.
    private func addresses(of name: String, _ done: @escaping ([IPAddress], Bool) -> Void) {
        resolver.ask(name, .a) { [self] four in
            resolver.ask(name, .aaaa) { six in
                let found = [six, four].flatMap { $0.records.compactMap { record -> IPAddress? in if case .address(let ip) = record { ip } else { nil } } }
                let isAuthentic = [four, six].allSatisfy { $0.isAuthentic || $0.outcome == .failed }
                // The internet's older half reaches more servers, and from more of them.
                done(found.filter(\.isIPv4) + found.filter { !$0.isIPv4 }, isAuthentic)
            }
        }
    }

    // MARK: A relay

    private func findRelay(_ done: @escaping (Result<[MailHop], NoRoute>) -> Void) {
        guard let relay = settings.relay else { return done(.success([])) }
        let hop = { (addresses: [IPAddress]) in
            MailHop(host: relay.host, port: relay.port, addresses: addresses, trust: .named, isImplicit: relay.isImplicit, isRelay: true)
        }
        if relay.host == "localhost" { return done(.success([hop([.v4(0x7F00_0001)])])) }
        if settings.proxy != nil { return done(.success([hop([])])) }
        addresses(of: relay.host) { addresses, _ in done(addresses.isEmpty ? .failure(.now) : .success([hop(addresses)])) }
    }
}
