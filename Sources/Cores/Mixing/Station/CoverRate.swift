internal import Glibc

/// How many packets a gateway sends, letters and cover alike, so that the whole network has as many as its letters need to hide, and no more
/// for that sake: it counts what comes in here, thinks from that how much the others send, and fills what is missing.
package struct CoverRate: Sendable {
    /// What arrives counts for so many mean delays.
    private static let memory = 2.0
    /// At least so long, in seconds: few packets say little.
    private static let shortestMemory = 30.0

    private let window: Double
    private let floor: Double
    private let start: MixTime
    private var last: MixTime
    private var sum = 0.0

    /// - Parameters:
    ///   - bits: what a letter shall get at least.
    ///   - hops: that hold it.
    package init(bits: Double, delays: MixDelays, hops: Int, from start: MixTime) {
        let mean = max(delays.meanMilliseconds / 1000, 0.001)
        window = max(Self.memory * mean, Self.shortestMemory)
        floor = MixEntropy.packetsPerSecond(forBits: bits, meanDelaySeconds: mean, hops: hops)
        (self.start, last) = (start, start)
    }

    package mutating func arrived(_ count: Int, at now: MixTime) {
        sum = faded(at: now) + Double(count)
        last = max(last, now)
    }

    private func faded(at now: MixTime) -> Double { sum * exp(-Double(now - last) / 1000 / window) }

    /// Packets that arrive here, per second.
    package func arrivals(at now: MixTime) -> Double {
        let seen = 1 - exp(-Double(now - start) / 1000 / window)
        return seen > 0 ? faded(at: now) / window / seen : 0
    }

    /// Packets that come into the network per second, if everybody's meet `visits` of its motes, all of them alike.
    package func network(motes: Int, visits: Int, at now: MixTime) -> Double { arrivals(at: now) * Double(motes) / Double(visits) }

    /// What we should send: our part of the floor, and what of it the others do not send.
    /// - Parameter own: what we send now.
    package func share(own: Double, motes: Int, visits: Int, at now: MixTime) -> Double {
        let others = max(0, network(motes: motes, visits: visits, at: now) - own)
        return max(floor / Double(max(motes, 1)), floor - others)
    }
}
