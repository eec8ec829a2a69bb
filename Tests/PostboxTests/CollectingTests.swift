import Ambience
import Boxes
import Foundation
import Letters
import Pickup
import Postbox
import Sealing
import Synchronization
import Testing

/// Motes that keep boxes, in memory; some do not answer, or lose their answer.
final class Motes: BoxLine {
    struct Mote {
        let key = Curve25519Key()
        let identity = SecureRandom.bytes(20)
        var shelf = BoxShelf()
        var items: [[UInt8]: BoxItem] = [:]
        var isSilent = false
        /// Of further answers: carried out, and not heard.
        var lostAnswers = 0
        var served = 0

        var seen: BoxMote { BoxMote(identity: identity, mailKey: key.publicKey) }
    }

    let state: Mutex<[Mote]>
    static let now = WallTime(secondsSinceEpoch: 1_800_000_000)

    init(_ count: Int) { state = Mutex((0..<count).map { _ in Mote() }) }

    var list: [BoxMote] { state.withLock { $0.map(\.seen) } }

    func lay(_ items: [BoxItem], _ address: BoxAddress, at places: [BoxMote]) {
        state.withLock { motes in
            for index in motes.indices where places.contains(motes[index].seen) {
                for item in items where motes[index].shelf.add(item.name, to: address, at: Self.now) == .held { motes[index].items[item.name] = item }
            }
        }
    }

    func change(_ identity: [UInt8], _ body: (inout Mote) -> Void) {
        state.withLock { motes in for index in motes.indices where motes[index].identity == identity { body(&motes[index]) } }
    }

    /// Answers of this mote wait until they are let go.
    let held = Mutex<[UInt8]?>(nil)
    let gate = DispatchSemaphore(value: 0)

    func post(_ body: [UInt8], to path: String, of mote: [UInt8]?, over circuit: BoxCircuit, limitBytes: Int) -> [UInt8]? {
        if let mote, held.withLock({ $0 == mote }) { gate.wait() }
        return state.withLock { motes in
            guard let index = mote.map({ identity in motes.firstIndex { $0.identity == identity } }) ?? motes.indices.randomElement(), !motes[index].isSilent else { return nil }
            if path == BoxPath.motes { return BoxList.encode(motes.map(\.seen)) }
            guard path == BoxPath.collect, let question = BoxQuestion(body, to: motes[index].key, now: Self.now) else { return nil }
            for name in motes[index].shelf.remove(question.known, of: question.address) { motes[index].items[name] = nil }
            let names = motes[index].shelf.names(of: question.address), some = names.prefix(Int(question.size.rawValue))
            motes[index].served += some.count
            guard motes[index].lostAnswers == 0 else {
                motes[index].lostAnswers -= 1
                return nil
            }
            let answer = BoxAnswer(left: names.count - some.count, items: some.compactMap { motes[index].items[$0] })
            return answer.encoded(question.size) { [UInt8](repeating: 0, count: $0) }
        }
    }
}

/// A mailbox in a folder of its own, which goes with it.
final class Mailroom {
    let folder: PostboxFolder
    let key: Curve25519Key
    let address: BoxAddress
    private(set) var store: PostboxStore

    init() throws {
        folder = PostboxFolder(NSTemporaryDirectory() + "postbox-\(UUID().uuidString)")
        key = try folder.key(making: true)
        address = try #require(BoxAddress(key: key.publicKey))
        store = try PostboxStore(folder.database)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder.path) }

    func reopen() throws { store = try PostboxStore(folder.database) }

    func collect(_ motes: Motes) throws -> BoxCollector.Round { try #require(BoxCollector(store, motes, key) { Motes.now }).collect() }

    func letter(_ number: Int, bytes: Int = 100) throws -> [BoxItem] {
        try letter(number, content: "Subject: number \(number)\r\n\r\n\(String(repeating: "line\r\n", count: bytes / 6))")
    }

    func letter(_ number: Int, content: String) throws -> [BoxItem] {
        let id = try #require(LetterID(Digest.sha256([UInt8(number)]).prefix(16))), recipient = try #require(MailAddress("me@\(address.domain)"))
        let envelope = try #require(Envelope(sender: MailAddress("you@example.org"), recipients: [Recipient(recipient)]))
        let letter = try #require(Letter(id: id, envelope: envelope, content: Array(content.utf8)))
        return try #require(BoxItem.seal(BoxLetter(letter, at: Motes.now).encoded, to: address))
    }

    func inbox() throws -> [String] {
        try store.folder("INBOX").letters.map { String(decoding: try store.content($0.uid, of: "INBOX") ?? [], as: UTF8.self) }
    }
}

@Suite("Collecting from boxes")
struct CollectingTests {
    private let room: Mailroom
    private let motes = Motes(6)

    init() throws { room = try Mailroom() }

    private var places: [BoxMote] { BoxPlaces.of(room.address, among: motes.list) }
    private var held: Int { motes.state.withLock { $0.reduce(0) { $0 + $1.items.count } } }

    @Test("a letter at three motes comes once, and then lies at none of them")
    func once() throws {
        motes.lay(try room.letter(1), room.address, at: places)
        let round = try room.collect(motes)
        #expect(round.letters == 1 && round.places == 3 && round.answers == 3)
        #expect(try room.inbox().count == 1)
        #expect(held == 0)
        #expect(motes.state.withLock { $0.reduce(0) { $0 + $1.served } } == 1)
        #expect(try room.collect(motes).letters == 0)
    }

    @Test("it reads as a mail program expects, with the hour of its arrival and nothing else of its way")
    func message() throws {
        motes.lay(try room.letter(2), room.address, at: places)
        _ = try room.collect(motes)
        let text = try #require(try room.inbox().first)
        #expect(text.hasPrefix("Return-Path: <you@example.org>\r\nDelivered-To: me@\(room.address.domain)\r\nReceived: by box.dust.alt id "))
        #expect(text.contains("\r\nSubject: number 2\r\n\r\nline\r\n"))
    }

    @Test("a long letter comes together from pieces at motes of which one is silent")
    func long() throws {
        let items = try room.letter(3, bytes: 2_000_000)
        motes.change(places[0].identity) { $0.isSilent = true }
        // No mote has them all.
        motes.lay(Array(items.prefix(90)), room.address, at: [places[1]])
        motes.lay(Array(items.dropFirst(80)), room.address, at: [places[2]])
        let round = try room.collect(motes)
        #expect(round.letters == 1 && round.answers == 2)
        #expect(try room.inbox().first?.utf8.count ?? 0 > 2_000_000)
        #expect(held == 0)
    }

    @Test("answers that are lost, and a process that is killed between, lose and double nothing")
    func losses() throws {
        for number in 0..<20 { motes.lay(try room.letter(number, bytes: number * 3_000), room.address, at: places) }
        for place in places { motes.change(place.identity) { $0.lostAnswers = 1 } }
        for _ in 0..<3 {
            _ = try room.collect(motes)
            try room.reopen()
        }
        #expect(try room.inbox().count == 20)
        #expect(held == 0)
    }

    @Test("a mote that takes its time holds up neither the others nor later rounds, and is not asked twice at once")
    func slow() throws {
        motes.held.withLock { $0 = places[0].identity }
        motes.lay(try room.letter(7), room.address, at: places)
        let collector = try #require(BoxCollector(room.store, motes, room.key, patienceMilliseconds: 10) { Motes.now })
        var letters = 0, answers = 0
        // However slow this machine is: the two that answer do so in one round or another.
        for _ in 0..<10_000 where answers < 2 {
            let round = try collector.collect(isPatient: false)
            (letters, answers) = (letters + round.letters, answers + round.answers)
        }
        #expect(letters == 1)
        #expect(try room.inbox().count == 1)
        motes.held.withLock { $0 = nil }
        motes.gate.signal()
        for _ in 0..<10_000 where held > 0 { _ = try collector.collect() }
        #expect(held == 0)
        #expect(try room.inbox().count == 1)
    }

    @Test("a letter that is sealed again is known by its name")
    func again() throws {
        motes.lay(try room.letter(5), room.address, at: places)
        _ = try room.collect(motes)
        motes.lay(try room.letter(5), room.address, at: places)
        #expect(try room.collect(motes).letters == 0)
        #expect(try room.inbox().count == 1)
        #expect(held == 0)
    }

    @Test("what was collected and deleted does not come back from a mote that was silent")
    func late() throws {
        motes.lay(try room.letter(6), room.address, at: places)
        motes.change(places[2].identity) { $0.isSilent = true }
        _ = try room.collect(motes)
        try room.store.remove([1], of: "INBOX")
        motes.change(places[2].identity) { $0.isSilent = false }
        #expect(try room.collect(motes).letters == 0)
        #expect(try room.inbox().isEmpty)
        #expect(held == 0)
    }

    @Test("what is sealed to the owner and is no letter goes without a trace")
    func rubbish() throws {
        let noise = try #require(BoxItem(SecureRandom.bytes(BoxItem.bytesCount))), other = try #require(BoxItem.seal(Array("no letter".utf8), to: room.address))
        motes.lay([noise] + other, room.address, at: places)
        #expect(try room.collect(motes).letters == 0)
        #expect(try room.inbox().isEmpty)
        #expect(held == 0)
    }

    @Test("one mote that lies about who keeps boxes is outvoted")
    func liar() {
        let honest = motes.list, liar = Motes(3).list
        #expect(Set(BoxList.agreed([honest, liar, honest])) == Set(honest))
        #expect(BoxList.agreed([honest, liar]).isEmpty)
        #expect(BoxList.decode(BoxList.encode(honest)) == honest)
        #expect(BoxList.decode([1, 2, 3]) == nil)
    }
}

@Suite("Letters of an owner on disk")
struct PostboxStoreTests {
    private let room: Mailroom

    init() throws { room = try Mailroom() }

    @Test("numbers of letters are never used again, and go on after a restart")
    func numbers() throws {
        #expect(try room.store.append([1], to: "INBOX", flags: [], received: nil) == 1)
        #expect(try room.store.append([2], to: "INBOX", flags: [.seen], received: nil) == 2)
        try room.store.remove([2], of: "INBOX")
        try room.reopen()
        #expect(try room.store.append([3], to: "INBOX", flags: [], received: nil) == 3)
        #expect(try room.store.folder("INBOX").letters.map(\.uid) == [1, 3])
        #expect(try room.store.content(2, of: "INBOX") == nil)
    }

    @Test("a letter that is copied stays when the first is removed, and one that is moved is in one place")
    func copies() throws {
        _ = try room.store.append([7], to: "INBOX", flags: [.flagged], received: nil)
        #expect(try room.store.copy([1, 9], of: "INBOX", to: "Archive", isMove: false).map(\.to) == [1])
        try room.store.remove([1], of: "INBOX")
        #expect(try room.store.content(1, of: "Archive") == [7])
        #expect(try room.store.copy([1], of: "Archive", to: "Trash", isMove: true).map(\.to) == [1])
        #expect(try room.store.folder("Archive").letters.isEmpty)
        #expect(try room.store.folder("Trash").letters.first?.flags == [.flagged])
        #expect(throws: StorageRefusal.noSuchFolder) { try room.store.copy([1], of: "Trash", to: "nowhere", isMove: true) }
        #expect(try room.store.folder("Trash").letters.count == 1)
    }

    @Test("folders are made, renamed with what is in them, and removed; a new one of an old name is another")
    func folders() throws {
        try room.store.makeFolder("a")
        try room.store.makeFolder("a/b[1]")
        let first = try room.store.folder("a/b[1]").validity
        #expect(throws: StorageRefusal.folderExists) { try room.store.makeFolder("a") }
        try room.store.renameFolder("a", to: "c")
        #expect(try room.store.folders().suffix(2) == ["c", "c/b[1]"] || room.store.folders().contains("c/b[1]"))
        try room.store.removeFolder("c/b[1]")
        try room.store.makeFolder("c/b[1]")
        #expect(try room.store.folder("c/b[1]").validity != first)
        for name in ["", "inbox", "/x", "a*", "a%", "a\"", "a\n", String(repeating: "x", count: 201)] { #expect(throws: StorageRefusal.badName) { try room.store.makeFolder(name) } }
        #expect(throws: StorageRefusal.badName) { try room.store.removeFolder("INBOX") }
    }

    @Test("a folder for two processes at once is refused, with the reason")
    func lock() throws {
        let lock = try PostboxLock(room.folder)
        #expect(throws: PostboxError.self) { _ = try PostboxLock(room.folder) }
        _ = consume lock
        _ = try PostboxLock(room.folder)
    }
}

/// Gateways that take letters piece by piece, and now and then lose their answer or say nothing.
final class Gateways: BoxLine {
    private struct State {
        var arriving: [[UInt8]: [LetterSum: [UInt8]]] = [:]
        var taken: [(mote: [UInt8], letter: Letter)] = []
        var posts = 0
        var circuits: Set<BoxCircuit> = []
        var lost = 0
        var lostEach = Int.max
        var isSilent = false
        var isFickle = false
        var closed: Set<[UInt8]> = []
        var hiding: [UInt8] = []
    }

    private let state = Mutex(State())

    var taken: [(mote: [UInt8], letter: Letter)] { state.withLock { $0.taken } }
    var posts: Int { state.withLock { $0.posts } }
    var circuits: Int { state.withLock { $0.circuits.count } }
    func loseAnswers(_ count: Int) { state.withLock { $0.lost = count } }
    /// Every so many an answer is lost.
    func loseAnswers(each count: Int) { state.withLock { $0.lostEach = count } }
    func set(isSilent: Bool) { state.withLock { $0.isSilent = isSilent } }
    /// From now on each says in turn that it has something and that it has nothing.
    func set(isFickle: Bool) { state.withLock { $0.isFickle = isFickle } }
    func set(hiding: String) { state.withLock { $0.hiding = Array(hiding.utf8) } }
    func close(_ motes: some Sequence<[UInt8]>) { state.withLock { $0.closed.formUnion(motes) } }

    func post(_ body: [UInt8], to path: String, of mote: [UInt8]?, over circuit: BoxCircuit, limitBytes: Int) -> [UInt8]? {
        state.withLock { state in
            guard let mote, !state.isSilent else { return nil }
            if path == LetterPath.hiding { return state.hiding }
            guard path == LetterPath.send, let piece = LetterPiece(body) else { return nil }
            state.posts += 1
            state.circuits.insert(circuit)
            if state.isFickle { return LetterPiece.Answer.wanted(state.posts % 2).encoded }
            guard !state.closed.contains(mote) else { return LetterPiece.Answer.elsewhere.encoded }
            let answer = Self.take(piece, mote, &state)
            state.lost -= 1
            return state.lost >= 0 || state.posts % state.lostEach == 0 ? nil : answer.encoded
        }
    }

    private static func take(_ piece: LetterPiece, _ mote: [UInt8], _ state: inout State) -> LetterPiece.Answer {
        var there = state.arriving[mote]?[piece.letter] ?? []
        if there.count == piece.number * LetterPiece.contentBytes { there += piece.content }
        state.arriving[mote, default: [:]][piece.letter] = there
        guard piece.letter.matches(there), let letter = try? Letter(decoding: there) else { return .wanted(there.count / LetterPiece.contentBytes) }
        state.taken.append((mote, letter))
        return .taken
    }
}

@Suite("Bringing letters to gateways")
struct LetterSenderTests {
    private let room: Mailroom
    private let gateways = Gateways()

    init() throws {
        room = try Mailroom()
        try room.store.set(Motes(8).list)
    }

    private func letter(_ number: Int, bytes: Int = 0) throws -> Letter {
        let id = try #require(LetterID(Digest.sha256([UInt8(number)]).prefix(16))), recipient = try #require(MailAddress("you@example.org"))
        let envelope = try #require(Envelope(sender: nil, recipients: [Recipient(recipient)]))
        return try #require(Letter(id: id, envelope: envelope, content: Array("Subject: x\r\nMessage-ID: <x@mail.invalid>\r\n\r\n".utf8) + Array(repeating: Array("some text\r\n".utf8), count: bytes / 11).joined()))
    }

    private var sender: LetterSender { LetterSender(room.store, gateways) { Motes.now } }

    @Test("a long letter goes piece by piece over one circuit, over another when an answer is lost, and no piece goes twice but those")
    func pieces() throws {
        let long = try letter(4, bytes: 3_000_000), pieces = LetterPiece.cut(long).count
        gateways.loseAnswers(each: 3)
        try room.store.send(long, now: Motes.now)
        var heard: [Int] = []
        #expect(try sender.send { _, there, _ in heard.append(there) } == (1, 0))
        #expect(gateways.taken.map(\.letter) == [long])
        #expect(gateways.posts == pieces + 2 && gateways.circuits == 3)
        #expect(heard == heard.sorted() && heard.last == pieces - 1)
    }

    @Test("what one process has begun the next one goes on with, at the same gateway")
    func resumed() throws {
        let long = try letter(5, bytes: 3_000_000), pieces = LetterPiece.cut(long).count
        try room.store.send(long, now: Motes.now)
        #expect(try sender.send { _, there, _ in gateways.set(isSilent: there == 3) } == (0, 1))
        let posted = gateways.posts
        try room.reopen()
        gateways.set(isSilent: false)
        #expect(try sender.send() == (1, 0))
        // The first piece asks how much is there.
        #expect(gateways.posts - posted == pieces - 3 + 1)
        #expect(gateways.taken.map(\.letter) == [long])
        #expect(try room.store.letter(long.id) == nil)
    }

    @Test("a letter that another process has brought meanwhile does not count as one that waits")
    func brought() throws {
        let long = try letter(8, bytes: 3_000_000)
        try room.store.send(long, now: Motes.now)
        let result = try sender.send { letter, there, _ in
            guard there == 3 else { return }
            gateways.set(isSilent: true)
            #expect(throws: Never.self) { try room.store.note(letter.id, .taken, "by another", now: Motes.now) }
        }
        #expect(result == (1, 0))
        #expect(try room.store.outgoing().map(\.note) == ["by another"])
    }

    @Test("a gateway that takes no more is left at once for another")
    func closed() throws {
        try room.store.send(try letter(6), now: Motes.now)
        let motes = try room.store.motes().map(\.identity)
        gateways.close(motes)
        #expect(try sender.send() == (0, 1))
        #expect(gateways.posts == 3)
        let other = SecureRandom.bytes(20)
        try room.store.set([BoxMote(identity: other, mailKey: SecureRandom.bytes(32))])
        #expect(try sender.send() == (1, 0))
        #expect(gateways.taken.map(\.mote) == [other])
    }

    @Test("a gateway that says now this and now that does not keep anybody for ever")
    func fickle() throws {
        gateways.set(isFickle: true)
        try room.store.send(try letter(7, bytes: 3_000_000), now: Motes.now)
        #expect(try sender.send() == (0, 1))
        #expect(gateways.posts < 10)
    }

    @Test("a letter waits until a gateway has it, across restarts, and goes to one gateway once")
    func waiting() throws {
        gateways.set(isSilent: true)
        try room.store.send(try letter(1), now: Motes.now)
        try room.store.send(try letter(1), now: Motes.now)
        #expect(try sender.send() == (0, 1))
        try room.reopen()
        gateways.set(isSilent: false)
        #expect(try sender.send() == (1, 0))
        #expect(try sender.send() == (0, 0))
        #expect(gateways.taken.count == 1)
        #expect(try room.store.outgoing().map(\.state) == [.taken])
    }

    @Test("when an answer is lost, the same gateway gets the same letter again")
    func lost() throws {
        let sender = sender
        try room.store.send(try letter(2), now: Motes.now)
        gateways.loseAnswers(4)
        for _ in 0..<5 { _ = try sender.send() }
        #expect(Set(gateways.taken.map(\.mote)).count == 1 && Set(gateways.taken.map(\.letter.id)).count == 1)
        #expect(try room.store.outgoing(.waiting).isEmpty)
    }

    @Test("a gateway that goes on saying nothing is left for another")
    func another() throws {
        let sender = sender
        try room.store.send(try letter(3), now: Motes.now)
        gateways.loseAnswers(60)
        for _ in 0..<60 { _ = try sender.send() }
        #expect(Set(gateways.taken.map(\.mote)).count > 1)
    }

    @Test("how well letters hide is read as it was said, and nonsense is not")
    func hiding() throws {
        let report = HidingReport(bits: 7.25, delaySeconds: 5_400, packetsPerSecond: 0.5, motes: 12, exits: 3)
        gateways.set(hiding: report.text)
        #expect(try sender.hiding() == report)
        for nonsense in ["", "bits nan\ndelay 1\npackets 1\nmotes 1\nexits 0\n", "bits 1\ndelay 1\npackets 1\nmotes 1\n", "bits -1\ndelay 1\npackets 1\nmotes 1\nexits 0\n", "bits 1\ndelay 1\npackets 1\nmotes 1\nexits 1e300\n"] {
            gateways.set(hiding: nonsense)
            #expect(try sender.hiding() == nil)
        }
    }
}
