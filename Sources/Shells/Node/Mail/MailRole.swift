internal import Ambience
internal import Boxes
internal import Bytes
internal import Directory
internal import DirectoryService
internal import Letters
internal import Logging
internal import Loops
internal import Mixing
internal import Outgoing
internal import Relaying
internal import Sealing
internal import Spool
internal import Torrc

/// A mote with mail.
///
/// 1. A letter comes from whoever submits it (`submit`). It is in the spool when that says so.
/// 2. The part that is for the outside and the part that is for boxes each go through the mix to a mote where they end (`MixStation`).
/// 3. Packets of others come as POSTs to `/tor/dust/mix/take` over circuits, and go on likewise (`MailCalls`).
/// 4. Letters that end here are given to `deliver` or `lay`.
/// 5. When the mote drains, all of it goes to another.
final class MailRole {
    static let hops = 3
    private static let takePath = "/tor/dust/mix/take"
    private static let mapInterval = Instant.Span.seconds(2)

    let loop: EventLoop
    let options: MailOptions
    let keys: MailKeys
    let view: MailView
    let calls: MailCalls
    let station: MailStation
    let log = Logger(label: "mail")
    /// Where all that mail keeps on the disk is; what is in it only `keys` open.
    let folder: String
    private let own: MixID
    private let isExit: Bool
    private var mapAgain = Instant.zero
    private(set) var isLeaving = false
    private(set) var returnedCount = 0
    private(set) var lostCount = 0
    /// When we will be gone.
    var ends: () -> WallTime? = { nil }
    /// Takes a letter for the outside, and what a report goes back by; says whether it is durable there.
    var deliver: ((Letter, _ returning: [UInt8], _ done: @escaping (Bool) -> Void) -> Void)?
    /// Takes a letter for boxes likewise.
    var lay: ((Letter, _ done: @escaping (Bool) -> Void) -> Void)?
    /// Called once when the mote begins to leave, and again and again from then on: letters that others keep may be passed on (`MailStation.passOn`).
    var onLeave: () -> Void = {}
    var whileLeaving: () -> Void = {}
    /// A successor has what was passed on.
    var onPassed: (ParcelID) -> Void = { _ in }
    /// Members of the status that others add.
    var moreStatus: [() -> (String, Int)] = []

    /// - Parameter drainWindow: how long before its end a mote leaves, as all of a cloud are set.
    init(loop: EventLoop, options: MailOptions, drainWindow: Instant.Span, directory: DataDirectory, identity: KeyRing, documents: DirectoryRole, paths: SelfPaths) throws(NodeFailure) {
        let mean = Double(options.holdMean.inMilliseconds)
        guard mean >= 1, mean <= MixDelays.longestMeanMilliseconds else { throw NodeFailure(.configuration, "MoteMailHoldMean: expected 1 msec to 43 hours") }
        guard let own = MixID(identity.ed25519Identity.bytes) else { preconditionFailure("an identity has that many bytes") }
        (self.loop, self.options, self.own, isExit) = (loop, options, own, !options.exits.isEmpty)
        keys = try MailKeys(folder: options.keyFolder, dataDirectory: directory.path, isDiskAllowed: options.areKeysAllowedOnDisk)
        folder = options.folder ?? directory.file("mail")
        view = MailView(store: documents.store, own: identity.rsaIdentity)
        calls = MailCalls(tunnels: documents.tunnels, paths: paths, own: identity.rsaIdentity)
        let settings = MixStation.Settings(mean: mean, slotMean: options.slotMean, drainWindow: drainWindow)
        let core = MixStation(own: own, key: keys.mix, settings: settings, at: MailStation.now()) { SecureRandom.bytes($0) }
        do throws(FileError) {
            let spool = try Spool(loop: loop, key: keys.spool("mix"), folder: folder + "/mix", forgetsForeign: true)
            station = MailStation(loop: loop, spool: spool, station: core) { [view, calls] mote, body, done in
                guard let target = view.target(mote) else { return loop.soon { done(nil) } }
                calls.post(body, to: Self.takePath, at: target, answerLimitBytes: Forwarded.batch) { done(try? $0.get()) }
            }
            documents.server.offices.append(office())
            station.onLetter = { [weak self] in self?.ends($0, $1, $2, $3, $4) }
            station.onReturn = { [weak self] in self?.came(back: $1, for: $0, $2) }
            station.onGivenUp = { [weak self] in self?.gaveUp($0, $1, $2) }
            station.onPassed = { [weak self] in self?.onPassed($0) }
            try station.start()
        } catch { throw NodeFailure(error) }
    }

    /// For the descriptor.
    var line: MixLine { MixLine(publicKey: keys.mix.publicKey, hasBoxes: options.hasBoxes, isExit: isExit) }

    private enum Forwarded {
        /// Packets of one call.
        static let batch = 32
    }

    private func office() -> DirectoryOffice {
        let bytes = SphinxLayout.mail.packetBytes
        return DirectoryOffice(path: "/tor/dust/mix/", bodyLimitBytes: Forwarded.batch * bytes) { [weak self] rest, body, _, done in
            guard let self, rest == "take" else { return done(.unknown) }
            guard !body.isEmpty, body.count % bytes == 0 else { return done(.refused) }
            let packets = stride(from: 0, to: body.count, by: bytes).map { Array(body[$0..<$0 + bytes]) }
            station.take(packets) { done(.bytes($0)) }
        }
    }

    /// Once a second.
    func look(isDraining: Bool) {
        if isDraining {
            leave()
            whileLeaving()
        }
        guard loop.now >= mapAgain else { return }
        mapAgain = loop.now + Self.mapInterval
        let ends = ends().map(MixTime.init) ?? MixTime(milliseconds: .max)
        let ourselves = isLeaving ? nil : MixPeer(id: own, publicKey: keys.mix.publicKey, ends: ends, isExit: isExit)
        station.follow(view.map(with: ourselves, layers: Self.hops, at: loop.wall))
    }

    private func leave() {
        guard !isLeaving else { return }
        isLeaving = true
        log.notice("Giving what is held here to another mote")
        station.leave()
        onLeave()
    }

    func stop() { station.stop() }

    // MARK: Letters

    /// A letter that somebody wrote.
    /// - Parameter done: whether it is ours, on stable storage.
    func submit(_ letter: Letter, _ done: @escaping (Bool) -> Void) {
        let note = Array((letter.envelope.sender.map { "\($0)" } ?? "").utf8)
        let parts = letter.parts
        var (open, isWhole) = (parts.count, true)
        for (task, part) in parts {
            station.accept(part.parcel(task), Errand(task: task, since: MailStation.now(), note: note, content: part.encoded)) { isOurs in
                isWhole = isWhole && isOurs
                open -= 1
                if open == 0 { done(isWhole) }
            }
        }
    }

    private func ends(_ id: ParcelID, _ task: Parcel.Task, _ content: [UInt8], _ returning: [UInt8], _ done: @escaping (Bool) -> Void) {
        guard let letter = try? Letter(decoding: content) else {
            log.warning("A letter that ended here could not be read")
            return loop.soon { done(true) }
        }
        switch task {
        case .deliver: deliver.map { $0(letter, returning, done) } ?? loop.soon { done(false) }
        case .lay: lay.map { $0(letter, done) } ?? loop.soon { done(false) }
        case .send, .report: loop.soon { done(true) }
        }
    }

    /// A report goes into the box of who wrote the letter; who has none hears nothing.
    private func came(back report: [UInt8], for note: [UInt8], _ done: @escaping (Bool) -> Void) {
        returnedCount += 1
        guard let letter = try? Letter(decoding: report), letter.envelope.recipients.map({ "\($0.address)" }) == [String(decoding: note, as: UTF8.self)] else { return loop.soon { done(true) } }
        box(letter, done)
    }

    /// Nobody shall go on believing that a letter is on its way (RFC 5321, 6.1). The same report if it is told again.
    private func gaveUp(_ id: ParcelID, _ errand: Errand, _ done: @escaping (Bool) -> Void) {
        let settle = { [weak self] (isTold: Bool) -> Void in
            if isTold { self?.lostCount += 1 }
            done(isTold)
        }
        let name = options.submissionName ?? "mail.invalid", fate = Digest.sha256(Array("given up".utf8) + id.bytes)
        guard let letter = try? Letter(decoding: errand.content), let reportID = LetterID(fate.prefix(LetterID.bytesCount)),
            let report = DeliveryReport.letter(on: letter, Progress(everybodyIn: letter.envelope, .noWay), id: reportID, boundary: Hex.lower(Array(fate.suffix(16))), name: name)
        else { return loop.soon { settle(true) } }
        box(report, settle)
    }

    /// A report into the box that it is for, through the mix or, when we leave, at once.
    func box(_ letter: Letter, _ done: @escaping (Bool) -> Void) {
        guard letter.envelope.recipients.allSatisfy({ BoxRole.isBox($0.address) }) else { return loop.soon { done(true) } }
        guard isLeaving, let lay else { return submit(letter, done) }
        lay(letter, done)
    }

    // MARK: Status

    var isEmpty: Bool { station.isEmpty }

    var status: JSONText {
        let now = station.status, counts = now.counts
        let own: [(String, JSONText)] = [
            ("held", .number(Int64(now.held))), ("forwarding", .number(Int64(now.forwarding))), ("tags", .number(Int64(now.tags))),
            ("outgoing", .number(Int64(now.outgoing))), ("waiting", .number(Int64(now.waiting))), ("arrived", .number(Int64(now.arrived))),
            ("motes", .number(Int64(now.motes))), ("exits", .number(Int64(now.exits))), ("leaving", .bool(now.isLeaving)),
            ("holdMeanSeconds", .number(Int64(now.meanDelaySeconds.rounded(.up)))), ("hops", .number(Int64(now.hops))),
            ("packetsPerHour", .number(Int64(now.packetsPerSecond * 3600))), ("networkPacketsPerHour", .number(Int64(now.networkPacketsPerSecond * 3600))),
            ("entropyMillibits", .number(Int64(now.bits * 1000))), ("loopsReturned", .number(Int64(now.loops.returned))), ("loopsLost", .number(Int64(now.loops.lost))),
            ("suspects", .list(now.suspects.map { .text(Hex.lower($0.bytes)) })), ("taken", .number(Int64(counts.taken))), ("replayed", .number(Int64(counts.replayed))),
            ("refused", .number(Int64(counts.refused))), ("passed", .number(Int64(counts.passed))), ("lost", .number(Int64(counts.lost))), ("unanswered", .number(Int64(counts.unanswered))),
            ("lettersIn", .number(Int64(counts.lettersIn))), ("lettersArrived", .number(Int64(counts.lettersArrived))), ("sentAgain", .number(Int64(counts.sentAgain))),
            ("reports", .number(Int64(returnedCount))), ("reportsWaiting", .number(Int64(now.reports))), ("undelivered", .number(Int64(lostCount))),
        ]
        let more = moreStatus.map { member in
            let (name, number) = member()
            return (name, JSONText.number(Int64(number)))
        }
        return .object(own + more)
    }
}

extension MixStation.Settings {
    /// Answers may take ten minutes longer than all delays, less where those are short.
    fileprivate init(mean: Double, slotMean: Instant.Span?, drainWindow: Instant.Span) {
        self.init()
        delays = MixDelays(meanMilliseconds: mean)
        hops = MailRole.hops
        packetsPerSecond = slotMean.map { 1000 / Double(max(1, $0.inMilliseconds)) }
        grace = UInt64(min(600_000, max(10_000, 20 * mean)))
        leaving = UInt64(max(0, drainWindow.inMilliseconds))
    }
}

extension Letter {
    /// For the outside and for boxes, whichever there are.
    var parts: [(Parcel.Task, Letter)] {
        let boxed = envelope.recipients.filter { BoxAddress(mailbox: "\($0.address)") != nil }
        let others = envelope.recipients.filter { BoxAddress(mailbox: "\($0.address)") == nil }
        return [(Parcel.Task.deliver, others), (.lay, boxed)].compactMap { task, recipients in
            Envelope(sender: envelope.sender, recipients: recipients, returnsAll: envelope.returnsAll).flatMap { Letter(id: id, envelope: $0, content: content) }.map { (task, $0) }
        }
    }

    /// What a part is called on the mix.
    func parcel(_ task: Parcel.Task) -> ParcelID {
        guard let name = ParcelID(Digest.sha256(Array("dust-parcel".utf8) + [task.rawValue] + id.bytes).prefix(ParcelID.bytesCount)) else { preconditionFailure("that many bytes") }
        return name
    }
}
