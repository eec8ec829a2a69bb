package import Ambience

/// What each client address has asked for lately, and which addresses get nothing for a while (tor(1), "DENIAL OF SERVICE MITIGATION").
///
/// IPv6 clients count by their /64: who has one address of it can have all. The owner leaves relays out, by address before they have
/// said who they are and with `identified` afterwards.
package struct ClientAddresses: Sendable {
    /// Addresses remembered; at the bound those are forgotten that have no link, first those that would be forgotten soon anyway.
    package static let limit = 65_536

    private struct Client: Sendable {
        var links = 0
        var unfinished = 0
        var linkBucket = TokenBucket()
        var linksMarkedUntil: Instant?
        var circuitBucket = TokenBucket()
        var circuitsMarkedUntil: Instant?
        var fullQueues = 0

        mutating func isForgettable(_ parameters: DenialParameters, _ now: Instant) -> Bool {
            links == 0 && !isMarked(now) && linkBucket.isFull(rate: parameters.links.rate, now: now) && circuitBucket.isFull(rate: parameters.circuits.rate, now: now)
        }

        func isMarked(_ now: Instant) -> Bool { linksMarkedUntil.map { $0 > now } == true || circuitsMarkedUntil.map { $0 > now } == true }
    }

    private var clients: [IPAddress: Client] = [:]
    private let limit: Int
    package private(set) var statistics = DenialStatistics()

    package init(limit: Int = ClientAddresses.limit) { self.limit = limit }

    package var count: Int { clients.count }

    // MARK: Links

    /// Whether a link from there is taken; it counts until `disconnected`.
    /// - Parameter unfinishedLimit: handshakes of one address under way at once.
    package mutating func admitLink(
        from address: IPAddress, at now: Instant, _ parameters: DenialParameters, unfinishedLimit: Int, using random: inout some RandomNumberGenerator
    ) -> Bool {
        let key = Self.network(of: address)
        if clients[key] == nil, clients.count >= limit { makeRoom(parameters, now) }
        var client = clients[key] ?? Client()
        defer { clients[key] = client }
        guard client.unfinished < unfinishedLimit else {
            statistics.linksRefusedUnfinished += 1
            return false
        }
        if parameters.isLimitingLinks, !mayLink(&client, parameters, now, &random) { return false }
        client.links += 1
        client.unfinished += 1
        return true
    }

    private mutating func mayLink(_ client: inout Client, _ parameters: DenialParameters, _ now: Instant, _ random: inout some RandomNumberGenerator) -> Bool {
        if let marked = client.linksMarkedUntil {
            guard marked <= now else {
                statistics.linksRefusedWhileMarked += 1
                return false
            }
            client.linksMarkedUntil = nil
        }
        guard client.links < parameters.linksAtOnce else {
            statistics.linksRefusedAtOnce += 1
            return false
        }
        guard client.linkBucket.take(rate: parameters.links.rate, burst: parameters.links.burst, now: now) else {
            client.linksMarkedUntil = now + Self.defence(parameters.linkDefence, &random)
            statistics.linksRefusedWhileMarked += 1
            return false
        }
        return true
    }

    /// The handshake of an admitted link is over, one way or the other. Call it once, before `disconnected` or `identified`.
    package mutating func finished(from address: IPAddress) { change(address) { $0.unfinished = max(0, $0.unfinished - 1) } }

    /// An admitted link is gone.
    package mutating func disconnected(from address: IPAddress) { change(address) { $0.links = max(0, $0.links - 1) } }

    /// An admitted link turned out to be a relay's: it was none of a client.
    package mutating func identified(at address: IPAddress) {
        change(address) {
            $0.links = max(0, $0.links - 1)
            $0.linkBucket.spend(-1)
        }
    }

    // MARK: Circuits

    /// Whether a CREATE of a client there is answered.
    package mutating func admitCircuit(
        from address: IPAddress, at now: Instant, _ parameters: DenialParameters, using random: inout some RandomNumberGenerator
    ) -> Bool {
        guard parameters.isLimitingCircuits else { return true }
        let key = Self.network(of: address)
        guard var client = clients[key] else { return true }
        defer { clients[key] = client }
        let isWithin = client.circuitBucket.take(rate: parameters.circuits.rate, burst: parameters.circuits.burst, now: now)
        if !isWithin, client.links >= parameters.circuitsLeastLinks {
            // Who goes on while marked stays marked.
            if client.circuitsMarkedUntil == nil { statistics.addressesMarkedForCircuits += 1 }
            client.circuitsMarkedUntil = now + Self.defence(parameters.circuitDefence, &random)
        }
        guard let marked = client.circuitsMarkedUntil else { return true }
        guard marked <= now else {
            statistics.circuitsRefused += 1
            return false
        }
        client.circuitsMarkedUntil = nil
        return true
    }

    /// A circuit of a client there was closed because its queue towards the exit was full.
    package mutating func filledQueue(
        from address: IPAddress, at now: Instant, _ parameters: DenialParameters, using random: inout some RandomNumberGenerator
    ) {
        guard parameters.isLimitingCircuits, parameters.fullQueueLimit > 0 else { return }
        let until = now + Self.defence(parameters.circuitDefence, &random)
        var isNew = false
        change(address) {
            guard !$0.isMarked(now) else { return }
            $0.fullQueues += 1
            guard $0.fullQueues >= parameters.fullQueueLimit else { return }
            isNew = $0.circuitsMarkedUntil == nil
            $0.circuitsMarkedUntil = until
            $0.fullQueues = 0
        }
        if isNew { statistics.addressesMarkedForFullQueues += 1 }
    }

    /// A stream was refused because its circuit had opened too many.
    package mutating func refusedStream() { statistics.streamsRefused += 1 }

    // MARK: Housekeeping

    /// Forgets addresses of which nothing needs to be known.
    package mutating func sweep(_ parameters: DenialParameters, at now: Instant) {
        for (address, var client) in clients where client.isForgettable(parameters, now) { clients[address] = nil }
    }

    private mutating func makeRoom(_ parameters: DenialParameters, _ now: Instant) {
        sweep(parameters, at: now)
        guard clients.count >= limit else { return }
        for address in clients.lazy.filter({ $0.value.links == 0 }).map(\.key).prefix(max(1, limit / 8)) { clients[address] = nil }
    }

    private mutating func change(_ address: IPAddress, _ body: (inout Client) -> Void) {
        let key = Self.network(of: address)
        guard var client = clients[key] else { return }
        body(&client)
        clients[key] = client
    }

    private static func network(of address: IPAddress) -> IPAddress {
        if case .v6(let high, _) = address { .v6(high, 0) } else { address }
    }

    /// The period and up to half of it more, so that its end is not foreseen.
    private static func defence(_ period: Instant.Span, _ random: inout some RandomNumberGenerator) -> Instant.Span {
        period + Instant.Span(nanoseconds: Int64.random(in: 0...max(1, period.nanoseconds / 2), using: &random))
    }
}
