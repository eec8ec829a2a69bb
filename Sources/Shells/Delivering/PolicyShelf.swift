internal import Ambience
internal import Outgoing
internal import Sealing
internal import Spool

/// The cache of policies, and its records in the spool.
final class PolicyShelf {
    private let spool: Spool
    private(set) var cache = STSCache()

    /// Goes on with what is in the spool; policies that have ended go.
    init(_ spool: Spool, at now: WallTime) {
        self.spool = spool
        for id in spool.ids(of: Delivery.Kind.policy) {
            let record = (try? spool.payload(of: id)).flatMap { $0 }
            if !(record.map { cache.resume($0, at: now) } ?? false) { spool.remove(id) }
        }
    }

    func keep(_ policy: STSPolicy, id: String, of domain: String, at now: WallTime) {
        let forgotten = cache.keep(policy, id: id, of: domain, at: now)
        for domain in forgotten { spool.remove(Self.id(domain)) }
        // Nobody waits for it: one that is lost with the power is fetched again.
        if let record = cache.record(of: domain) { spool.commit([.append(kind: Delivery.Kind.policy, id: Self.id(domain), payload: record)], done: nil) }
    }

    /// Longer than any letter's, which strangers may choose.
    private static func id(_ domain: String) -> [UInt8] { [Delivery.Kind.policy] + Digest.sha256(Array(domain.utf8)) }
}
