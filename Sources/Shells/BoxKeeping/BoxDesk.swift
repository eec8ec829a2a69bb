package import Ambience
package import Boxes
internal import Glibc
package import Letters
package import Loops
package import Sealing
package import Spool

/// Boxes at a mote: what is laid into them, what their owners fetch, and what is passed on.
///
/// 1. A letter for an address of ours comes to the end of its way here: it is sealed to its owner and is an item of a box, as any that another mote lays here.
/// 2. The motes that keep that box get it, as do those that keep it later, until its owner has it (`BoxShelf`).
/// 3. The owner asks; what the owner has goes.
///
/// Everything that is answered is durable before. Used on the loop that made it.
package final class BoxDesk {
    package enum Answer: Equatable, Sendable { case bytes([UInt8]), refused, unknown, busy }

    /// Posts to another mote's directory, over a circuit that ends there; `nil` when no answer comes.
    package typealias Post = (_ body: [UInt8], _ path: String, _ mote: BoxMote, _ answerLimitBytes: Int, _ done: @escaping ([UInt8]?) -> Void) -> Void

    /// Who is here, and who else.
    package struct Surroundings {
        /// Our identity, 20 bytes.
        package var own: [UInt8]
        package var key: Curve25519Key
        /// The motes that keep boxes and will for some time. We are among them unless we keep none, or are about to end.
        package var motes: () -> [BoxMote]
        package var post: Post

        package init(own: [UInt8], key: Curve25519Key, motes: @escaping () -> [BoxMote], post: @escaping Post) {
            (self.own, self.key, self.motes, self.post) = (own, key, motes, post)
        }
    }

    package static let itemKind: UInt8 = 0x42
    /// Items written in one commit; each is read with all of its commit.
    private static let commitItems = 16
    /// Between two looks at what is to be passed on: exponential, so that what a mote lays says little of when it came.
    package static let turnMeanSeconds = 20.0
    private static let lastTurnsMeanSeconds = 1.0
    /// A mote that did not answer, or had no room, is left alone for so long.
    private static let pause = Instant.Span.seconds(60)
    private static let sealingJobs = 64

    private let loop: EventLoop
    private let spool: Spool
    private let around: Surroundings
    private let worker: BackgroundWorker
    private let turnMeanSeconds: Double
    private var isLeaving = false
    private var shelf: BoxShelf
    private var random = SecureRandom()
    private var turn: Timer?
    private var underWay: Set<[UInt8]> = []
    private var notBefore: [[UInt8]: Instant] = [:]
    /// What was done since the start.
    package private(set) var laid = 0, fetched = 0, passedOn = 0

    /// Takes up what the spool has.
    package init(
        loop: EventLoop, spool: Spool, _ around: Surroundings, bounds: BoxShelf.Bounds = BoxShelf.Bounds(), turnMeanSeconds: Double = turnMeanSeconds
    ) throws(FileError) {
        (self.loop, self.spool, self.around, self.turnMeanSeconds) = (loop, spool, around, turnMeanSeconds)
        worker = BackgroundWorker(loop: loop, jobLimit: Self.sealingJobs)
        shelf = BoxShelf(bounds: bounds)
        for id in spool.ids(of: Self.itemKind) {
            guard let record = try spool.payload(of: id).flatMap({ ItemRecord($0) }) else { continue }
            _ = shelf.add(id, to: record.address, at: record.since)
        }
        plan()
    }

    package var items: Int { shelf.count }
    package var boxes: Int { shelf.boxesCount }

    package func stop() { turn?.cancel() }

    // MARK: What comes

    /// Lays a letter into the box of one of its recipients.
    ///
    /// - Parameter done: on the loop: whether it is durable here. It is passed on by itself.
    package func lay(_ letter: Letter, for address: BoxAddress, _ done: @escaping (Bool) -> Void) {
        let now = loop.wall
        let isTaken = worker.run({ BoxItem.seal(BoxLetter(letter, at: now).encoded, to: address) }) { [weak self] items in
            guard let self, let items, shelf.hasRoom(for: items.count, of: address) else { return done(false) }
            keep(items[...], address, done)
        }
        if !isTaken { loop.soon { done(false) } }
    }

    private func keep(_ items: ArraySlice<BoxItem>, _ address: BoxAddress, _ done: @escaping (Bool) -> Void) {
        let some = items.prefix(Self.commitItems), now = loop.wall
        guard !some.isEmpty else { return done(true) }
        let changes = some.map { SpoolChange.append(kind: Self.itemKind, id: $0.name, payload: ItemRecord(address: address, since: now, item: $0).encoded) }
        spool.commit(changes) { [weak self] result in
            guard let self, case .success = result else { return done(false) }
            for item in some where shelf.add(item.name, to: address, at: now) == .held { laid += 1 }
            keep(items.dropFirst(some.count), address, done)
        }
    }

    /// What is asked of the paths below `BoxPath.office`; `done` is called once.
    package func answer(_ path: Substring, _ body: [UInt8], _ done: @escaping (Answer) -> Void) {
        switch BoxPath.office + path {
        case BoxPath.motes: done(.bytes(BoxList.encode(around.motes())))
        case BoxPath.lay: take(body, done)
        case BoxPath.collect: collect(body, done)
        default: done(.unknown)
        }
    }

    private func take(_ body: [UInt8], _ done: @escaping (Answer) -> Void) {
        guard let parcel = BoxParcel(body) else { return done(.refused) }
        let here = Set(parcel.items.map(\.name).filter { shelf.contains($0, of: parcel.address) }), fresh = parcel.items.filter { !here.contains($0.name) }
        guard shelf.hasRoom(for: fresh.count, of: parcel.address) else {
            return done(.bytes(parcel.items.map { (here.contains($0.name) ? BoxShelf.Verdict.known : .full).rawValue }))
        }
        keep(fresh[...], parcel.address) { isKept in
            done(isKept ? .bytes(parcel.items.map { (here.contains($0.name) ? BoxShelf.Verdict.known : .held).rawValue }) : .busy)
        }
    }

    private func collect(_ body: [UInt8], _ done: (Answer) -> Void) {
        guard let question = BoxQuestion(body, to: around.key, now: loop.wall) else { return done(.refused) }
        for name in shelf.remove(question.known, of: question.address) {
            spool.remove(name)
            fetched += 1
        }
        let names = shelf.names(of: question.address), items = names.prefix(Int(question.size.rawValue)).compactMap { item($0) }
        done(.bytes(BoxAnswer(left: names.count - items.count, items: items).encoded(question.size) { SecureRandom.bytes($0) }))
    }

    private func item(_ name: [UInt8]) -> BoxItem? { ((try? spool.payload(of: name)) ?? nil).flatMap { ItemRecord($0)?.item } }

    // MARK: What goes

    private func plan() {
        let mean = isLeaving ? min(Self.lastTurnsMeanSeconds, turnMeanSeconds) : turnMeanSeconds, seconds = -mean * log(Double.random(in: Double.leastNormalMagnitude..<1, using: &random))
        turn = loop.after(.seconds(seconds)) { [weak self] in
            self?.passOn()
            self?.plan()
        }
    }

    /// Before the mote ends, from when on it is not among `motes`: what it has goes to others now.
    package func leave() {
        guard !isLeaving else { return }
        isLeaving = true
        turn?.cancel()
        passOn()
        plan()
    }

    /// Whether all that is here is elsewhere too, and those who should have it and have not cannot be reached.
    package var isHandedOver: Bool {
        let motes = around.motes()
        return underWay.isEmpty && shelf.isElsewhere(among: motes, own: around.own)
            && shelf.errands(among: motes, own: around.own).allSatisfy { notBefore[$0.mote.identity] != nil }
    }

    /// Passes on what others are to have, and lets go of what is nothing of ours any more.
    package func passOn() {
        for name in shelf.surplus(among: around.motes(), own: around.own, at: loop.wall) { spool.remove(name) }
        runErrands()
    }

    private func runErrands() {
        for errand in shelf.errands(among: around.motes(), own: around.own) where !underWay.contains(errand.mote.identity) && notBefore[errand.mote.identity] ?? .zero <= loop.now { run(errand) }
        notBefore = notBefore.filter { $0.value > loop.now }
    }

    private func run(_ errand: BoxShelf.Errand) {
        let found = errand.names.compactMap { name in item(name).map { (name: name, item: $0) } }
        guard !found.isEmpty else { return }
        let mote = errand.mote.identity
        underWay.insert(mote)
        around.post(BoxParcel(errand.address, found.map(\.item)).encoded, BoxPath.lay, errand.mote, BoxParcel.itemsLimit) { [weak self] answer in
            guard let self else { return }
            underWay.remove(mote)
            let verdicts = answer.flatMap { $0.count == found.count ? $0.map { BoxShelf.Verdict(rawValue: $0) ?? .full } : nil } ?? []
            let there = zip(found, verdicts).filter { $1 != .full }.map(\.0.name)
            shelf.passed(there, of: errand.address, to: mote)
            passedOn += there.count
            if there.count < found.count { notBefore[mote] = loop.now + Self.pause } else { runErrands() }
        }
    }
}
