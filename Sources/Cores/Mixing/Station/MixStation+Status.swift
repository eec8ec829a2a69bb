/// How a station is, for whoever asks its owner's programs.
extension MixStation {
    package struct Status: Sendable {
        /// Packets that wait for their time, and packets on their way to the next mote.
        package let held: Int
        package let forwarding: Int
        package let tags: Int
        /// Letters taken here that are not known to have arrived, and shares of them and answers that wait for slots.
        package let outgoing: Int
        package let waiting: Int
        /// Letters that ended here and are still to be delivered.
        package let arrived: Int
        /// What is to be told of letters that ended here.
        package let reports: Int
        package let motes: Int
        package let exits: Int
        /// What this gateway sends, and what seems to come into the whole network.
        package let packetsPerSecond: Double
        package let networkPacketsPerSecond: Double
        package let meanDelaySeconds: Double
        package let hops: Int
        /// What a letter gets that is sent now.
        package let bits: Double
        package let loops: LoopWatch.Score
        package let suspects: [MixID]
        package let counts: Counts
        package let isLeaving: Bool
    }

    package func status(at now: MixTime) -> Status {
        let network = networkRate(at: now), mean = settings.delays.meanMilliseconds / 1000
        // Where every mote is in all layers nobody sees how far a packet has come: a letter that comes out hides among those that go on, too.
        let moves = network * Double(map.isOverlapping ? settings.hops + 1 : 1)
        return Status(
            held: mote.heldCount, forwarding: forwards.count, tags: mote.tagsCount, outgoing: outgoing.count, waiting: outbox.waiting, arrived: arrived.count, reports: reports.count,
            motes: map.gateways.count, exits: map.gateways.count(where: \.isExit), packetsPerSecond: nextSlot == nil ? 0 : rate, networkPacketsPerSecond: network,
            meanDelaySeconds: mean, hops: settings.hops, bits: network > 0 ? MixEntropy.bits(packetsPerSecond: moves, meanDelaySeconds: mean, hops: settings.hops) : 0,
            loops: loops.total, suspects: loops.suspects, counts: counts, isLeaving: isLeaving)
    }
}
