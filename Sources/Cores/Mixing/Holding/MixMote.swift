/// A mote on the mix: takes packets, holds each as long as its sender chose, and passes it on.
///
/// 1. A packet arrives. A tag that was seen is refused before any arithmetic; then this mote's layer comes off (`MixKey.unwrap`).
/// 2. `take` gives a `Taken.held`: the shell makes it durable, tag and packet in one record, and only then acknowledges the packet.
/// 3. At `nextDue`, `due` gives what goes on. When the next hop has acknowledged it, the shell records that, too.
/// 4. After a crash `resume` gets the records: held packets wait on, whatever else was seen stays seen. A packet that went on without its
///    record goes on twice, and the next hop's tags refuse the second.
/// 5. A mote that ends never flushes: that would show which packets belong together. `handOver` gives the rest to a successor, each with
///    its time.
package struct MixMote: Sendable {
    package struct Bounds: Sendable {
        /// Packets held at once: 238 MB of those for letters.
        package var held = 8_192
        /// Tags of packets that were here under this key, 32 bytes each: eleven days at one a second.
        package var tags = 1 << 20

        package init() {}
    }

    package enum Taken: Hashable, Sendable {
        /// To be recorded before it is acknowledged.
        case held(HeldPacket)
        case replayed
        /// At a bound: the packet is refused, the tag not kept, so it may come again.
        case full
        case refused(SphinxError)
    }

    package let id: MixID
    package let layout: SphinxLayout
    private let key: MixKey
    private let bounds: Bounds
    private var tags: Set<ReplayTag> = []
    private var queue = HoldQueue<HeldPacket>()

    package init(id: MixID, key: MixKey, layout: SphinxLayout = .mail, bounds: Bounds = Bounds()) {
        (self.id, self.key, self.layout, self.bounds) = (id, key, layout, bounds)
    }

    package var heldCount: Int { queue.count }
    package var tagsCount: Int { tags.count }
    package var nextDue: MixTime? { queue.nextDue }

    /// In the order of the packets. Several at once cost less than one after another.
    package mutating func take(_ packets: [[UInt8]], at now: MixTime) -> [Taken] {
        let isNew = packets.map { packet in ReplayTag(packet: packet).map { !tags.contains($0) } ?? true }
        var unwrapped = key.unwrap(zip(packets, isNew).filter(\.1).map(\.0), layout)[...]
        return isNew.map { isNew in
            guard isNew, let packet = unwrapped.popFirst() else { return .replayed }
            return take(packet, at: now)
        }
    }

    private mutating func take(_ packet: Result<UnwrappedPacket, SphinxError>, at now: MixTime) -> Taken {
        switch packet {
        case .failure(let error): return .refused(error)
        case .success(let packet):
            guard queue.count < bounds.held, tags.count < bounds.tags else { return .full }
            // Twice among those taken together.
            guard tags.insert(packet.tag).inserted else { return .replayed }
            let held = HeldPacket(tag: packet.tag, due: now + UInt64(packet.delayMilliseconds), content: packet.content)
            queue.hold(held, until: held.due)
            return .held(held)
        }
    }

    /// What could not be recorded is not held, and may come again.
    package mutating func forget(_ unrecorded: Set<ReplayTag>) {
        tags.subtract(unrecorded)
        queue.removeAll { unrecorded.contains($0.tag) }
    }

    /// What has waited long enough, the longest due first.
    package mutating func due(at now: MixTime) -> [HeldPacket] {
        var due: [HeldPacket] = []
        while let next = queue.next(by: now) { due.append(next.item) }
        return due
    }

    /// After a restart: every tag that was recorded, and what of it had not gone on.
    package mutating func resume(tags: some Sequence<ReplayTag>, held: [HeldPacket]) {
        self.tags.formUnion(tags)
        for packet in held { hold(packet) }
    }

    /// What this mote still holds, for a successor that will hold it as long; this one does not hold it afterwards.
    /// - Parameter limit: so many at most, those that are due first.
    package mutating func handOver(upTo limit: Int = .max) -> [HeldPacket] {
        var given: [HeldPacket] = []
        while given.count < limit, let next = queue.next(by: MixTime(milliseconds: .max)) { given.append(next.item) }
        return given
    }

    /// What a predecessor held. It is its tags that stop replays of those; they are told apart here in case it hands over twice.
    /// - Returns: what was new and is held now.
    package mutating func takeOver(_ packets: [HeldPacket]) -> [HeldPacket] {
        packets.filter { packet in
            guard queue.count < bounds.held, tags.count < bounds.tags, tags.insert(packet.tag).inserted else { return false }
            hold(packet)
            return true
        }
    }

    private mutating func hold(_ packet: HeldPacket) {
        tags.insert(packet.tag)
        queue.hold(packet, until: packet.due)
    }
}
