internal import Ambience

/// A mix of real packets for hours of virtual time, from a seed: letters cut up, sealed, held, put together and answered while motes rotate, are
/// killed and restarted, hand over early, are lost for good and drop packets, and while packets that were seen come again.
package struct MixRehearsal {
    package struct Settings: Sendable {
        package var gateways = 4
        package var layers = 3
        package var width = 3
        package var hours = 12
        package var letters = 40
        package var packetsPerGatewayAndHour = 120.0
        package var meanDelaySeconds = 300.0
        package var lifeHours = 5.0
        /// Part of all packets that somebody sends again.
        package var replayed = 0.05
        package var isStormy = true
        package var isAnswered = true
        package var layout = SphinxLayout.mail
        package var seed: UInt64 = 1
        /// Whether to keep what is seen on the links.
        package var isWatched = false

        package init() {}
    }

    package struct Report: Sendable {
        package var letters = 0
        package var delivered = 0
        package var twice = 0
        package var answered = 0
        package var meanHours = 0.0
        package var packets = 0
        package var letterPackets = 0
        package var replays = 0
        package var replaysRefused = 0
        package var motes = 0
        package var rotated = 0
        package var restarted = 0
        package var handedOver = 0
        package var lostPackets = 0
        package var droppedPackets = 0
        /// Hours from when a mote began to drop packets until a gateway's loops showed it; `nil` if they did not.
        package var hoursToSuspect: Double?
        package var wronglySuspected = 0
        /// What should not be.
        package var faults: [String] = []
    }

    /// A packet that was seen on a link.
    package struct Seen: Hashable, Sendable {
        package let at: MixTime
        package let from: MixID
        package let to: MixID
    }

    enum Event: Sendable {
        case slot(gateway: Int, SendingSlot)
        case arrival(at: MixID, packet: [UInt8])
        case due(at: MixID)
        case letter(Int)
        case fault(Fault)
        case birth(layer: Int, lane: Int)
        case end(MixID)
        case unlisted(MixID)
    }

    /// What goes wrong, each with a mote of the layer.
    enum Fault: CaseIterable, Sendable {
        case killed, toldToEnd, lost, dropping
        var layer: Int {
            switch self {
            case .killed: 0
            case .toldToEnd: 1
            case .lost: 2
            case .dropping: 0
            }
        }
    }

    struct Gateway {
        let peer: MixPeer
        var schedule: SendingSchedule
        var random: SeededRandom
        var outbox: Outbox
        var collector = LetterCollector()
        var watch = LoopWatch()
        var keys: [ReplyID: ReplyKeys] = [:]
    }

    struct Letter {
        let bytes: [UInt8]
        let handedIn: MixTime
        var deliveries = 0
    }

    package let settings: Settings
    package internal(set) var report = Report()
    package internal(set) var seen: [Seen] = []
    package private(set) var now = MixTime(milliseconds: 0)
    var queue = HoldQueue<Event>()
    var motes: [MixID: RehearsedMote] = [:]
    var gateways: [Gateway] = []
    var letters: [Letter] = []
    var map = MixMap(layers: [], gateways: [])
    /// What befalls packets and motes, what people write, and the bytes of keys: apart, so that a letter more changes nothing else.
    var random: SeededRandom
    var authors: SeededRandom
    var noise: SeededRandom
    var dropping: (mote: MixID, since: MixTime)?
    var known: Set<MixID> = []

    private var end: MixTime { MixTime(milliseconds: UInt64(settings.hours) * 3_600_000) }
    var delays: MixDelays { MixDelays(meanMilliseconds: settings.meanDelaySeconds * 1000) }

    package init(_ settings: Settings) {
        self.settings = settings
        var seeds = SeededRandom(seed: settings.seed)
        (random, authors, noise) = (SeededRandom(seed: seeds.next()), SeededRandom(seed: seeds.next()), SeededRandom(seed: seeds.next()))
        found(&seeds)
        plan()
    }

    /// Plays until `hours` have passed, at most. False at the end.
    package mutating func run(hours: Int) -> Bool {
        let until = min(end, MixTime(milliseconds: UInt64(hours) * 3_600_000))
        while let next = queue.next(by: until) {
            now = next.due
            happen(next.item)
        }
        now = until
        return now < end
    }

    // MARK: The beginning

    private mutating func found(_ seeds: inout SeededRandom) {
        map.layers = [[MixPeer]](repeating: [], count: settings.layers)
        for lane in 0..<settings.gateways { map.gateways.append(bear(layer: nil, lane: lane, ends: MixTime(milliseconds: .max)).peer) }
        for layer in 0..<settings.layers {
            for lane in 0..<settings.width { birth(layer, lane, ends: MixTime(milliseconds: UInt64(lifeMilliseconds * (1 + Double(lane) / Double(settings.width))))) }
        }
        for peer in map.gateways {
            let schedule = SendingSchedule(map: map, packetsPerSecond: settings.packetsPerGatewayAndHour / 3600, delays: delays, from: now)
            gateways.append(Gateway(peer: peer, schedule: schedule, random: SeededRandom(seed: seeds.next()), outbox: Outbox(own: peer.id, layout: settings.layout)))
        }
        for index in gateways.indices { nextSlot(index) }
    }

    private mutating func plan() {
        let last = Double(max(settings.hours - 3, 1)) * 3_600_000
        for number in 0..<settings.letters { queue.hold(.letter(number), until: MixTime(milliseconds: UInt64.random(in: 0..<UInt64(last), using: &authors))) }
        guard settings.isStormy else { return }
        for (index, fault) in Fault.allCases.enumerated() {
            queue.hold(.fault(fault), until: MixTime(milliseconds: UInt64(last * (Double(index) + 0.5) / Double(Fault.allCases.count))))
        }
    }

    var lifeMilliseconds: Double { settings.lifeHours * 3_600_000 }

    private mutating func bear(layer: Int?, lane: Int, ends: MixTime) -> RehearsedMote {
        guard let key = MixKey(secret: bytes(32)) else { preconditionFailure("that many bytes") }
        let mote = RehearsedMote(peer: MixPeer(id: RehearsedMotes.id(motes.count), publicKey: key.publicKey, ends: ends), key: key, layer: layer, lane: lane, layout: settings.layout)
        motes[mote.peer.id] = mote
        report.motes += 1
        return mote
    }

    static func bytes(_ count: Int, _ random: inout SeededRandom) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next() >> 32) } }

    mutating func bytes(_ count: Int) -> [UInt8] {
        var noise = noise
        defer { self.noise = noise }
        return Self.bytes(count, &noise)
    }

    /// A new mote in a lane; the next is born before this one ends, early enough for whatever is sent by then.
    mutating func birth(_ layer: Int, _ lane: Int, ends: MixTime) {
        let mote = bear(layer: layer, lane: lane, ends: ends)
        map.layers[layer].append(mote.peer)
        publish()
        let overlap = delays.quantile(hops: settings.layers)
        queue.hold(.birth(layer: layer, lane: lane), until: MixTime(milliseconds: ends.milliseconds - UInt64(overlap)))
        queue.hold(.end(mote.peer.id), until: ends)
    }

    mutating func publish() {
        let motes = Set(map.layers.joined().map(\.id))
        for index in gateways.indices {
            gateways[index].schedule.map = map
            gateways[index].outbox.forgetAnswers(exceptBy: motes)
        }
    }

    mutating func nextSlot(_ index: Int) {
        var random = gateways[index].random
        let slot = gateways[index].schedule.next(&random)
        gateways[index].random = random
        guard let slot else { return report.faults.append("a gateway finds no way at \(now.milliseconds) ms") }
        queue.hold(.slot(gateway: index, slot), until: slot.at)
    }
}
