import Ambience

@testable import Mixing

/// Motes with stations in virtual time, each with a disk that a kill leaves as it was last synced; what goes between them may be late, lost, or arrive with its answer lost.
final class StationWorld {
    struct Settings {
        var motes = 5
        var letters = 6
        var letterBytes = 600
        var meanDelay = 2_000.0
        var packetsPerSecond = 1.0
        /// A mote is killed on average every so many milliseconds, and comes back a second later.
        var killEvery: Double?
        /// Of all calls between motes.
        var lost = 0.0
        /// Milliseconds until a mote leaves; `nil`: it stays for good. It will be there two thirds of a minute longer, and that is what the others know.
        var life: UInt64?
        /// So many motes for each that brings letters out.
        var motesPerExit = 1
        var seed: UInt64 = 1
    }

    final class Mote {
        let peer: MixPeer
        let key: MixKey
        var station: MixStation?
        /// As it is on the disk, and what was written and not synced.
        var disk: [[UInt8]: (StationRecord.Kind, [UInt8])] = [:]
        var unsynced: [StationRecord.Change] = []
        /// What was promised to whoever gave it a letter.
        var promised: Set<ParcelID> = []
        var generation = 0
        var isLeaving = false

        init(peer: MixPeer, key: MixKey) { (self.peer, self.key) = (peer, key) }
    }

    typealias Event = (at: UInt64, number: Int, run: () -> Void)

    let settings: Settings
    private(set) var motes: [Mote] = []
    private var events = EventHeap()
    private var number = 0
    private(set) var now = MixTime(milliseconds: 1_800_000_000_000)
    let start = MixTime(milliseconds: 1_800_000_000_000)
    private var random: SeededRandom
    private let bytes: SeededSource
    /// Letters that were promised, where they were handed out, and of which their gateway heard.
    private(set) var accepted: [ParcelID: [UInt8]] = [:]
    private(set) var delivered: [ParcelID: Int] = [:]
    private(set) var damaged = 0
    /// Handed in at two gateways, for the first was killed before it answered: it may have been written down there.
    private(set) var again: Set<ParcelID> = []
    private(set) var taken: Set<ParcelID> = []
    private(set) var returned: [ParcelID: [UInt8]] = [:]
    private(set) var givenUp: Set<ParcelID> = []
    private(set) var kills = 0
    private(set) var retired = 0
    private(set) var packets = 0
    private var joined = 0
    private static let farewell: UInt64 = 40_000
    /// Every packet that another mote kept: when, from and to. For whoever watches the links.
    var seen: [MixRehearsal.Seen]?

    static let layout = SphinxLayout(payloadBytes: 4_096)

    init(_ settings: Settings) {
        self.settings = settings
        random = SeededRandom(seed: settings.seed)
        bytes = SeededSource(settings.seed ^ 0xABCD)
        for index in 0..<settings.motes { join(life: settings.life.map { $0 * UInt64(index + 2) / UInt64(settings.motes + 1) }) }
        if let every = settings.killEvery { later(UInt64(MixDelays.exponential(&random) * every)) { self.kill(every) } }
    }

    // MARK: Motes

    private func join(life: UInt64?) {
        let id = MixID(bytes.take(32))!, key = MixKey(secret: bytes.take(32))!
        joined += 1
        let ends = life.map { now + ($0 + Self.farewell) } ?? MixTime(milliseconds: .max)
        let mote = Mote(peer: MixPeer(id: id, publicKey: key.publicKey, began: now, ends: ends, isExit: joined % settings.motesPerExit == 0), key: key)
        motes.append(mote)
        begin(mote)
        publish()
        if let life { later(life) { self.retire(mote) } }
    }

    /// Whoever leaves says so.
    private var map: MixMap { MixMap(motes.filter { !$0.isLeaving }.map(\.peer), layers: 3) }

    private func publish() { for mote in motes { mote.station?.follow(map, at: now) } }

    private func begin(_ mote: Mote) {
        var settings = MixStation.Settings()
        settings.layout = Self.layout
        settings.delays = MixDelays(meanMilliseconds: self.settings.meanDelay)
        settings.packetsPerSecond = self.settings.packetsPerSecond
        settings.attempts = 40
        settings.grace = 20_000
        settings.leaving = Self.farewell
        let source = bytes
        var station = MixStation(own: mote.peer.id, key: mote.key, settings: settings, at: now) { source.take($0) }
        station.resume(mote.disk.map { ($0.value.0, $0.key, $0.value.1) }, at: now)
        station.follow(map, at: now)
        if mote.isLeaving { station.leave() }
        mote.station = station
        mote.generation += 1
        perform(mote)
        turn(mote, mote.generation)
    }

    private func turn(_ mote: Mote, _ generation: Int) {
        guard mote.generation == generation, mote.station != nil else { return }
        mote.station?.turn(at: now)
        perform(mote)
        let next = mote.station?.deadline(at: now) ?? now
        later(max(1, next - now)) { self.turn(mote, generation) }
    }

    /// What was synced stays, and a part of what was not.
    private func kill(_ every: Double) {
        later(UInt64(MixDelays.exponential(&random) * every)) { self.kill(every) }
        // All may be dead already.
        guard let mote = motes.filter({ $0.station != nil }).randomElement(using: &random) else { return }
        kills += 1
        for change in mote.unsynced.prefix(Int.random(in: 0...mote.unsynced.count, using: &random)) { apply(change, mote) }
        mote.unsynced = []
        mote.station = nil
        mote.generation += 1
        later(1_000) { if self.motes.contains(where: { $0 === mote }) { self.begin(mote) } }
    }

    /// A successor joins; others hear of both some seconds later, and two thirds of a minute later the mote must have given all away.
    private func retire(_ mote: Mote) {
        join(life: settings.life)
        mote.isLeaving = true
        mote.station?.leave()
        perform(mote)
        later(5_000) { self.publish() }
        later(Self.farewell) { self.end(mote) }
    }

    private func end(_ mote: Mote) {
        guard mote.station?.isEmpty ?? false else { return later(500) { self.end(mote) } }
        retired += 1
        mote.station = nil
        mote.generation += 1
        motes.removeAll { $0 === mote }
        publish()
    }

    // MARK: Effects

    private func apply(_ change: StationRecord.Change, _ mote: Mote) {
        switch change {
        case .put(let kind, let id, let payload): mote.disk[id] = (kind, payload)
        case .remove(let id): mote.disk[id] = nil
        }
    }

    private func perform(_ mote: Mote) {
        while let effects = mote.station?.takeEffects(), !effects.isEmpty { for effect in effects { perform(effect, mote) } }
    }

    private func perform(_ effect: MixStation.Effect, _ mote: Mote) {
        let generation = mote.generation
        func whenAlive(_ delay: UInt64, _ body: @escaping (inout MixStation) -> Void) {
            later(delay) {
                guard mote.generation == generation, mote.station != nil else { return }
                body(&mote.station!)
                self.perform(mote)
            }
        }
        switch effect {
        case .store(nil, let changes): mote.unsynced += changes
        case .store(let ticket?, let changes):
            mote.unsynced += changes
            whenAlive(3) { station in
                // One sync for all that were written so far.
                for change in mote.unsynced { self.apply(change, mote) }
                mote.unsynced = []
                station.stored(ticket, true, at: self.now)
            }
        // On another thread it takes some time.
        case .work(let work): whenAlive(20) { $0.worked(work.run(), at: self.now) }
        case .answer(let batch, let verdicts): answers.removeValue(forKey: batch)?(verdicts)
        case .send(let target, let packets): call(target, packets, from: mote) { verdicts in whenAlive(10) { $0.landed(target, verdicts, at: self.now) } }
        case .accepted(let id, let isOurs): if isOurs { mote.promised.insert(id) }
        case .taken(let id): taken.insert(id)
        case .hand(let id, _, let content, let returning):
            if !mote.peer.isExit { damaged += 1 }
            delivered[id, default: 0] += mote.disk[[99] + id.bytes] == nil ? 1 : 0
            if accepted[id] != content { damaged += 1 }
            // Whoever delivers writes down that it has; so nothing is delivered twice here, but perhaps at two motes.
            mote.disk[[99] + id.bytes] = (.known, [])
            if content.first == 7 { mote.station?.report(ParcelID(Array(id.bytes.reversed()))!, Array(content.prefix(40)), returning: returning) }
            mote.station?.settled(id)
        case .passed: break
        case .returned(let id, _, let report, let packet):
            returned[id] = report
            mote.station?.noted(packet)
        case .givenUp(let id, _): givenUp.insert(id)
        }
    }

    private var answers: [Int: ([MixStation.Verdict]) -> Void] = [:]

    private func call(_ target: MixID, _ packets: [[UInt8]], from mote: Mote, _ done: @escaping ([MixStation.Verdict]?) -> Void) {
        guard let other = motes.first(where: { $0.peer.id == target }), other.station != nil else { return later(50) { done(nil) } }
        let isAskLost = Double.random(in: 0..<1, using: &random) < settings.lost, isAnswerLost = Double.random(in: 0..<1, using: &random) < settings.lost
        number += 1
        let batch = number, generation = other.generation
        guard !isAskLost else { return later(200) { done(nil) } }
        answers[batch] = { [self] verdicts in
            if seen != nil { seen! += verdicts.filter { $0 == .held }.map { _ in .init(at: now, from: mote.peer.id, to: target) } }
            self.packets += verdicts.count { $0 == .held }
            later(isAnswerLost ? 200 : 5) { done(isAnswerLost ? nil : verdicts) }
        }
        later(5) {
            guard other.generation == generation else { return self.later(200) { done(nil) } }
            other.station?.take(packets, batch: batch, at: self.now)
            self.perform(other)
            // Nobody answers for a mote that was killed meanwhile.
            self.later(1_000) { if self.answers.removeValue(forKey: batch) != nil { done(nil) } }
        }
    }

    // MARK: Time

    private func later(_ delay: UInt64, _ body: @escaping () -> Void) {
        number += 1
        events.add((now.milliseconds + delay, number, body))
    }

    func run(for milliseconds: UInt64, until isDone: () -> Bool = { false }) {
        let end = now.milliseconds + milliseconds
        while let next = events.first, next.at <= end, !isDone() {
            let event = events.take()
            now = MixTime(milliseconds: event.at)
            event.run()
        }
    }

    /// Gives letters to gateways, over some time.
    func write(_ count: Int, over milliseconds: UInt64, isReported: Bool = false) {
        for _ in 0..<count {
            later(UInt64.random(in: 0...milliseconds, using: &random)) { [self] in
                let content = [isReported ? 7 : 1] + bytes.take(settings.letterBytes), id = ParcelID(bytes.take(16))!
                submit(id, content)
            }
        }
    }

    private func submit(_ id: ParcelID, _ content: [UInt8]) {
        guard let mote = motes.filter({ $0.station != nil && !($0.station?.isLeaving ?? true) }).randomElement(using: &random) else { return later(100) { self.submit(id, content) } }
        accepted[id] = content
        mote.station?.accept(id, Errand(task: .deliver, since: now, note: Array("note".utf8), content: content))
        perform(mote)
        // Killed before it was promised: whoever wrote it would try again.
        later(500) {
            guard !mote.promised.contains(id) else { return }
            self.again.insert(id)
            self.submit(id, content)
        }
    }
}

/// Bytes that all stations of a world draw from.
final class SeededSource {
    private var random: SeededRandom

    init(_ seed: UInt64) { random = SeededRandom(seed: seed) }

    func take(_ count: Int) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(count + 8)
        while out.count < count { withUnsafeBytes(of: random.next()) { out += $0 } }
        return Array(out.prefix(count))
    }
}

/// Events by time, then by order.
struct EventHeap {
    private var items: [StationWorld.Event] = []

    var first: StationWorld.Event? { items.first }

    private func precedes(_ a: Int, _ b: Int) -> Bool { (items[a].at, items[a].number) < (items[b].at, items[b].number) }

    mutating func add(_ event: StationWorld.Event) {
        items.append(event)
        var child = items.count - 1
        while child > 0, precedes(child, (child - 1) / 2) {
            items.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func take() -> StationWorld.Event {
        items.swapAt(0, items.count - 1)
        let event = items.removeLast()
        var parent = 0
        while 2 * parent + 1 < items.count {
            var least = 2 * parent + 1
            if least + 1 < items.count, precedes(least + 1, least) { least += 1 }
            guard precedes(least, parent) else { break }
            items.swapAt(least, parent)
            parent = least
        }
        return event
    }
}
