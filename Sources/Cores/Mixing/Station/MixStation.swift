internal import Sealing

/// A mote at work on the mix: holds and passes on packets, and is a gateway, where letters begin and end.
///
/// 1. `accept` takes a letter. It is in the spool before `accepted` says so.
/// 2. A gateway where it shall end is chosen and written down; the letter is sealed to it with reply blocks that lead back here, cut, and its shares
///    wait for slots (`Outbox`). In each slot a packet leaves, letter or cover.
/// 3. Motes on the way `take` packets, have them written down, and answer only then; they hold each as long as it says, and pass it on.
/// 4. The last one puts the letter together. That it came is written down in one record with the letter itself and the end of its shares, so that it is handed out
///    once, whatever happens; then a reply block says so, and the first gateway forgets its letter. One that hears nothing sends it again to the same gateway.
/// 5. `leave` gives all of this to another mote: packets sealed as they are, each with its time, and letters sealed to that mote. Some of those where letters end are
///    told which have come here: a gateway that has not heard of it sends its letter again, and now to one of them.
///
/// What is to be done comes out as effects. Those who ask and are asked are bytes and names here: where motes are, circuits and disks are the shell's.
package struct MixStation {
    package struct Settings: Sendable {
        package var layout = SphinxLayout.mail
        package var delays = MixDelays.mail
        /// That hold a packet.
        package var hops = 3
        /// What this gateway sends; `nil`: by what the network needs.
        package var packetsPerSecond: Double?
        /// What the network shall give a letter at least.
        package var floorBits = 8.0
        /// How often a letter is sent before it is given up.
        package var attempts = 12
        /// It is also given up when it has been here for so long (RFC 5321, 4.5.4.1). Milliseconds.
        package var givesUpAfter: UInt64 = 5 * 86_400_000
        /// What an answer may take beyond all delays. Milliseconds.
        package var grace: UInt64 = 600_000
        /// Before its end a gateway leaves, and no slots go there any more: so long at most, as motes are set. Milliseconds.
        package var leaving: UInt64 = 600_000
        package var bounds = MixMote.Bounds()

        package init() {}
    }

    /// What became of a packet that another mote brought.
    package enum Verdict: UInt8, Sendable { case held, replayed, full, refused }

    package enum Effect {
        /// `stored` is to be told of a ticket's fate; without one nobody waits. In this order, one after the other.
        case store(ticket: Int?, [StationRecord.Change])
        /// To be run anywhere, and `worked` to be told of its outcome.
        case work(MixWork)
        /// To whoever brought a batch.
        case answer(batch: Int, [Verdict])
        /// One call at a time to each mote; `landed` is told of its end.
        case send(to: MixID, [[UInt8]])
        /// A letter is ours, or could not be written down.
        case accepted(ParcelID, Bool)
        /// It is where it ends and has its way. Its way back is not told.
        case taken(ParcelID)
        /// A letter ends here: `settled` is to be told when somebody else keeps it. Again after a restart. The last is for `report`.
        case hand(ParcelID, Parcel.Task, [UInt8], returning: [UInt8])
        /// What was to be `passedOn` is a successor's.
        case passed(ParcelID)
        /// What became of a letter of ours, for the note that came with it. `noted` is to be told of the packet when somebody else keeps the report. Again after a restart.
        case returned(ParcelID, note: [UInt8], report: [UInt8], packet: ReplayTag)
        /// A letter of ours found no way. `told` is to be called when somebody else sees to it that its sender hears of that. Again after a restart.
        case givenUp(ParcelID, Errand)
    }

    /// A letter of ours.
    struct Outgoing {
        enum State { case new, cutting, recording([Fragment]), sending(shares: Int), waiting(until: MixTime), givenUp }
        let errand: Errand
        var course = Course()
        var state = State.new
        /// What its shares are called, and which of them have gone.
        var landed = LandedShares(letter: [])
        /// That is written down.
        var hasProgress = false
        /// No attempt is to be begun: the last one goes on with what has not gone.
        var goesOn = false
        /// So many shares may be missing where it goes.
        var parities = 0
        /// When the last of them had its slot.
        var left: MixTime?

        init(errand: Errand) { self.errand = errand }

        /// What is not kept of a letter that is not ours any more.
        func ended(_ id: ParcelID) -> [StationRecord.Change] {
            [.remove(id: StationRecord.id(.outgoing, id))] + (hasProgress ? [.remove(id: StationRecord.id(.progress, id))] : [])
        }
    }

    struct Arrived {
        let task: Parcel.Task
        let receipts, ways: [ReplyBlock]

        init(_ parcel: Parcel) { (task, receipts, ways) = (parcel.task, Array(parcel.receipts), Array(parcel.ways)) }

        /// Of which nothing is to be told.
        init(task: Parcel.Task) { (self.task, receipts, ways) = (task, [], []) }
    }

    enum Awaited {
        case batch(Int, [Verdict], Set<ReplayTag>)
        case errand(ParcelID)
        case course(ParcelID)
        case parcel(ParcelID, content: [UInt8], before: Known?)
        case report(ParcelID)
    }

    /// What is on its way to a successor, in so many packets.
    struct Parting {
        enum Goods { case held([HeldPacket]), known([ParcelID]), parcel(ParcelID) }
        let goods: Goods
        var left: Int
    }

    /// Letters of ours under way, and those that came and are still to be delivered.
    package static let lettersLimit = 65_536
    /// Of letters of ours, in memory.
    static let outgoingLimitBytes = 256 << 20
    /// Ways back that are kept of letters that have arrived.
    static let coursesLimit = 16_384
    /// Motes whose keys and ends are remembered after they were listed.
    static let seenLimit = 16_384
    /// A slot that was missed by more than this is no slot: the machine slept.
    static let latest: UInt64 = 30_000

    package let own: MixID
    package let settings: Settings
    let key: MixKey
    let fresh: Sphinx.Fresh
    var random: FreshNumbers
    var mote: MixMote
    var outbox: Outbox
    var forwards = Forwards()
    var loops = LoopWatch()
    var cover: CoverRate
    var rate: Double
    var map = MixMap(layers: [], gateways: [])
    /// Motes that are or were on the map.
    var seen: [MixID: MixPeer] = [:]
    var schedule: SendingSchedule?
    var nextSlot: SendingSlot?
    /// Where shares of letters for us, and of what predecessors held, are put together; and which packets they came in.
    var letters = LetterCollector()
    var bundles = LetterCollector()
    var sharesOf: [[UInt8]: [ReplayTag]] = [:]
    var openings: [Int: Opening] = [:]
    var outgoing: [ParcelID: Outgoing] = [:]
    var outgoingBytes = 0
    /// By what their shares are called.
    var parcelOf: [[UInt8]: ParcelID] = [:]
    /// Those that wait to be sent, in the order in which they came.
    var fresher: [ParcelID] = []
    /// Whose letter an answer is about.
    var owners: [ReplyID: ParcelID] = [:]
    /// Of letters that have arrived: a report may follow.
    var courses: [ParcelID: Course] = [:]
    var coursesInOrder: [ParcelID] = []
    var arrived: [ParcelID: Arrived] = [:]
    /// To be told to others, and packets that told us of a letter of ours.
    var reports: [ParcelID: Report] = [:]
    var unnoted: Set<ReplayTag> = []
    /// Letters that came, here or at motes that have ended; and those of them that others are still to be told of, for we leave.
    var known: [ParcelID: Known] = [:]
    var untold: [ParcelID] = []
    /// Motes of the map when we began to leave, and those that came since and have been told what came before them.
    var met: Set<MixID> = []
    var partings: [Int: Parting] = [:]
    /// Letters of others here that go to a successor, too.
    var passingOn: [ParcelID: Parcel] = [:]
    package internal(set) var isLeaving = false
    var awaited: [Int: Awaited] = [:]
    var lastTicket = 0
    var effects: [Effect] = []
    package private(set) var counts = Counts()

    package struct Counts: Hashable, Sendable {
        package var taken = 0
        package var replayed = 0
        package var refused = 0
        package var passed = 0
        /// Given up, for the mote that they were for was gone.
        package var lost = 0
        /// Calls to other motes.
        package var unanswered = 0
        package var lettersIn = 0
        package var lettersArrived = 0
        package var sentAgain = 0
    }

    package init(own: MixID, key: MixKey, settings: Settings, at now: MixTime, fresh: @escaping Sphinx.Fresh) {
        (self.own, self.key, self.settings, self.fresh) = (own, key, settings, fresh)
        random = FreshNumbers(fresh: fresh)
        mote = MixMote(id: own, key: key, layout: settings.layout, bounds: settings.bounds)
        outbox = Outbox(own: own, layout: settings.layout)
        cover = CoverRate(bits: settings.floorBits, delays: settings.delays, hops: settings.hops, from: now)
        rate = settings.packetsPerSecond ?? 0
    }

    /// What is to be done, in this order; nothing of it is told twice.
    package mutating func takeEffects() -> [Effect] {
        defer { effects = [] }
        return effects
    }

    package mutating func count(_ what: WritableKeyPath<Counts, Int>, _ more: Int = 1) { counts[keyPath: what] += more }

    mutating func store(_ changes: [StationRecord.Change], _ then: Awaited? = nil) {
        guard let then else { return effects.append(.store(ticket: nil, changes)) }
        lastTicket += 1
        awaited[lastTicket] = then
        effects.append(.store(ticket: lastTicket, changes))
    }

    // MARK: From outside

    /// A batch of packets from another mote; `answer` follows.
    package mutating func take(_ packets: [[UInt8]], batch: Int, at now: MixTime) {
        let taken = mote.take(packets, at: now)
        let held = taken.compactMap { if case .held(let packet) = $0 { packet } else { nil } }
        cover.arrived(held.count, at: now)
        let verdicts = taken.map(Verdict.init)
        count(\.taken, held.count)
        count(\.replayed, verdicts.count { $0 == .replayed })
        count(\.refused, verdicts.count { $0 == .refused })
        guard !held.isEmpty else { return effects.append(.answer(batch: batch, verdicts)) }
        store(held.map(StationRecord.held), .batch(batch, verdicts, Set(held.map(\.tag))))
    }

    /// A letter that is to be sent. `accepted` follows: until then nothing is promised.
    package mutating func accept(_ id: ParcelID, _ errand: Errand) {
        guard outgoing[id] == nil else { return effects.append(.accepted(id, true)) }
        guard !isLeaving, admit(id, errand) else { return effects.append(.accepted(id, false)) }
        store([.put(.outgoing, id: StationRecord.id(.outgoing, id), payload: errand.encoded)], .errand(id))
    }

    /// False at a bound.
    mutating func admit(_ id: ParcelID, _ errand: Errand) -> Bool {
        guard outgoing.count < Self.lettersLimit, outgoingBytes + errand.content.count <= Self.outgoingLimitBytes else { return false }
        keep(id, errand)
        return true
    }

    mutating func keep(_ id: ParcelID, _ errand: Errand) {
        outgoing[id] = Outgoing(errand: errand)
        outgoingBytes += errand.content.count
    }

    /// A letter that is not ours any more.
    mutating func drop(_ id: ParcelID) -> Outgoing? {
        guard let letter = outgoing.removeValue(forKey: id) else { return nil }
        outgoingBytes -= letter.errand.content.count
        unsend(letter)
        return letter
    }

    /// What waits of it waits no more.
    mutating func unsend(_ letter: Outgoing) {
        outbox.drop(letter.landed.letter)
        parcelOf[letter.landed.letter] = nil
    }

    /// How a `store` with a ticket ended.
    package mutating func stored(_ ticket: Int, _ isDurable: Bool, at now: MixTime) {
        switch awaited.removeValue(forKey: ticket) {
        case .batch(let batch, let verdicts, let tags):
            if !isDurable { mote.forget(tags) }
            effects.append(.answer(batch: batch, isDurable ? verdicts : verdicts.map { $0 == .held ? .full : $0 }))
        case .errand(let id):
            if isDurable { fresher.append(id) } else { _ = drop(id) }
            if isDurable { count(\.lettersIn) }
            effects.append(.accepted(id, isDurable))
        case .course(let id): sendShares(of: id, isDurable, at: now)
        case .parcel(let id, let content, let before): isDurable ? hand(id, content) : forget(id, before)
        case .report(let id):
            if !isDurable { reports[id] = nil }
            effects.append(.accepted(id, isDurable))
        case nil: break
        }
    }

    /// Who is on the mix, ourselves included.
    package mutating func follow(_ map: MixMap, at now: MixTime) {
        self.map = map
        for peer in map.gateways where seen[peer.id] != nil || seen.count < Self.seenLimit { seen[peer.id] = peer }
        if seen.count == Self.seenLimit { seen = seen.filter { $0.value.ends >= now } }
        schedule?.map = map
        outbox.width = map.width
        for id in outbox.forgetAnswers(exceptBy: Set(map.gateways.map(\.id))) { reports[id]?.isPlaced = false }
    }

    /// A letter that was handed out is kept by somebody else here from now on.
    package mutating func settled(_ id: ParcelID) {
        if arrived.removeValue(forKey: id) != nil { store([.remove(id: StationRecord.id(.arrived, id))]) }
    }

    /// A letter that somebody here keeps is to go to a successor when we leave; `passed` says when it may be forgotten.
    package mutating func passOn(_ id: ParcelID, _ task: Parcel.Task, _ content: [UInt8], returning: [UInt8]) {
        passingOn[id] = Parcel(id: id, task: task, isPassedOn: true, blocks: Self.blocks(returning), content: content)
    }

    /// A letter that was handed out finds nobody here who would keep it, for we leave: it goes to a successor, too.
    package mutating func passOnArrived(_ id: ParcelID, _ content: [UInt8]) {
        guard let letter = arrived[id] else { return }
        passingOn[id] = Parcel(id: id, task: letter.task, isPassedOn: true, blocks: letter.ways, content: content)
    }

    /// The mote will end: takes no letters any more and gives away all that it has.
    package mutating func leave() {
        guard !isLeaving else { return }
        isLeaving = true
        (schedule, nextSlot) = (nil, nil)
        met = Set(map.gateways.map(\.id))
        untold = known.keys.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
    }

    package var isEmpty: Bool { mote.heldCount == 0 && forwards.count == 0 && outgoing.isEmpty && arrived.isEmpty && openings.isEmpty && reports.isEmpty && unnoted.isEmpty && partings.isEmpty && passingOn.isEmpty }

    /// Once: what was written down before this process.
    package mutating func resume(_ records: [(kind: StationRecord.Kind, id: [UInt8], payload: [UInt8])], at now: MixTime) {
        var (tags, held) = ([ReplayTag](), [HeldPacket]())
        var progress: [ParcelID: LandedShares] = [:]
        for record in records {
            switch record.kind {
            case .progress: if let id = ParcelID(record.id.dropFirst()) { progress[id] = LandedShares(record.payload) }
            case .held: if let packet = try? HeldPacket(record.payload, settings.layout) { held.append(packet) }
            case .gone: if let tag = ReplayTag(record.id.dropFirst()) { tags.append(tag) }
            default: if let id = ParcelID(record.id.dropFirst()) { resume(record.kind, id, record.payload, at: now) }
            }
        }
        mote.resume(tags: tags, held: held)
        for (id, course) in courses where outgoing[id] != nil {
            outgoing[id]?.course = course
            outgoing[id]?.goesOn = true
            courses[id] = nil
        }
        for id in courses.keys { courses[id]?.attempt = nil }
        for (id, landed) in progress {
            outgoing[id]?.landed = landed
            outgoing[id]?.hasProgress = true
        }
        coursesInOrder = Array(courses.keys)
        fresher = Array(outgoing.keys)
    }

    private mutating func resume(_ kind: StationRecord.Kind, _ id: ParcelID, _ payload: [UInt8], at now: MixTime) {
        switch kind {
        case .outgoing: if let errand = try? Errand(payload) { keep(id, errand) }
        case .course:
            guard let course = Course(payload) else { return }
            for key in course.keys { owners[key.id] = id }
            courses[id] = course
        case .arrived:
            guard let parcel = try? Parcel(payload) else { return }
            guard parcel.task != .report else { return _ = admit(id, Report(content: parcel.content, ways: parcel.blocks)) }
            arrived[id] = Arrived(parcel)
            effects.append(.hand(id, parcel.task, parcel.content, returning: parcel.ways.flatMap(\.encoded)))
        case .known: known[id] = Known(payload)
        case .held, .gone, .progress: break
        }
    }
}

extension MixStation.Verdict {
    init(_ taken: MixMote.Taken) {
        self =
            switch taken {
            case .held: .held
            case .replayed: .replayed
            case .full: .full
            case .refused: .refused
            }
    }
}

/// Numbers from whatever gives secret bytes.
struct FreshNumbers: RandomNumberGenerator {
    let fresh: Sphinx.Fresh

    mutating func next() -> UInt64 { fresh(8).reduce(0) { $0 << 8 | UInt64($1) } }
}
