internal import Ambience
internal import Links
internal import Loops
internal import Outgoing
internal import Sealing

/// What domains publish of how their mail must be brought (RFC 8461): fetched when its record says that it is new, kept as long as it says, whatever becomes of the
/// process: who can keep the record back after a restart must not undo it.
final class PolicyFinder {
    private static let patience = Instant.Span.seconds(Int64(60))

    private let settings: DeliverySettings
    private let dialling: Dialling
    private let resolver: StubResolver
    private let context: TLSContext
    private let shelf: PolicyShelf

    init(_ settings: DeliverySettings, _ dialling: Dialling, _ resolver: StubResolver, _ context: TLSContext, _ shelf: PolicyShelf) {
        (self.settings, self.dialling, self.resolver, self.context, self.shelf) = (settings, dialling, resolver, context, shelf)
    }

    /// `nil` where there is none: a new one that cannot be fetched counts for nothing, the one before for as long as it lasts.
    func find(_ domain: String, done: @escaping (STSPolicy?) -> Void) {
        resolver.ask("_mta-sts.\(domain)", .txt) { [self] answer in
            let now = dialling.loop.wall, kept = shelf.cache.policy(of: domain, at: now)
            let texts = answer.records.compactMap { record -> [UInt8]? in if case .text(let bytes) = record { bytes } else { nil } }
            guard let id = STSPolicy.id(in: texts), !shelf.cache.has(id, of: domain, at: now) else { return done(kept) }
            fetch(domain) { [self] policy in
                if let policy { shelf.keep(policy, id: id, of: domain, at: now) }
                done(policy ?? kept)
            }
        }
    }

    private func fetch(_ domain: String, _ done: @escaping (STSPolicy?) -> Void) {
        let host = "mta-sts.\(domain)"
        resolver.ask(host, .a) { [self] answer in
            let found = answer.records.compactMap { record -> IPAddress? in if case .address(let ip) = record { ip } else { nil } }
            guard let address = DirectRoutes.reachable(found, allowsPrivate: settings.allowsPrivate).first else { return done(nil) }
            dialling.dial(.address(address), port: settings.webPort) { [self] link in
                guard let link else { return done(nil) }
                read(host, link, done)
            }
        }
    }

    private func read(_ host: String, _ link: Link, _ done: @escaping (STSPolicy?) -> Void) {
        let loop = dialling.loop, timer = loop.after(Self.patience) { link.close(); done(nil) }
        link.secure(context, isServer: false, peer: .named(host)) { isSecured in
            timer.cancel()
            guard isSecured else {
                link.close()
                return done(nil)
            }
            let question = HTTPAnswer.question(host: host, path: "/.well-known/mta-sts.txt")
            Asking.run(loop, link, question, limitBytes: STSPolicy.limitBytes + HTTPAnswer.headLimitBytes, patience: Self.patience, isWhole: { _ in false }) { answer in
                done(HTTPAnswer.text(answer).flatMap(STSPolicy.init))
            }
        }
    }
}
