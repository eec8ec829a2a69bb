import Ambience
import BoxKeeping
import Boxes
import Foundation
import Letters
import Loops
import Sealing
import Spool
import Testing

/// Motes with desks on one loop, each with a spool on disk.
private final class Cloud {
    final class Mote {
        let key = Curve25519Key()
        let identity = SecureRandom.bytes(20)
        let folder = NSTemporaryDirectory() + "boxes-\(UUID().uuidString)"
        var desk: BoxDesk?
        var isListed = true
        var seen: BoxMote { BoxMote(identity: identity, mailKey: key.publicKey) }
    }

    let loop = EventLoop()
    private(set) var motes: [Mote] = []

    init(_ count: Int) throws { for _ in 0..<count { try add() } }

    deinit { for mote in motes { try? FileManager.default.removeItem(atPath: mote.folder) } }

    @discardableResult
    func add() throws -> Mote {
        let mote = Mote()
        motes.append(mote)
        try start(mote)
        return mote
    }

    /// As after kill -9: all that is known is on disk.
    func start(_ mote: Mote) throws {
        mote.desk?.stop()
        mote.desk = nil
        let spool = try Spool(loop: loop, key: nil, folder: mote.folder)
        mote.desk = try BoxDesk(loop: loop, spool: spool, .init(own: mote.identity, key: mote.key, motes: { [unowned self] in list }, post: { [unowned self] in post($0, $1, $2, $4) }))
    }

    var list: [BoxMote] { motes.filter(\.isListed).map(\.seen) }

    private func post(_ body: [UInt8], _ path: String, _ mote: BoxMote, _ done: @escaping ([UInt8]?) -> Void) {
        guard let desk = motes.first(where: { $0.identity == mote.identity })?.desk else { return loop.soon { done(nil) } }
        desk.answer(path.dropFirst(BoxPath.office.count), body) { answer in
            if case .bytes(let bytes) = answer { done(bytes) } else { done(nil) }
        }
    }

    /// Turns until it holds; every desk passes on what it has meanwhile.
    func settle(_ isDone: () -> Bool) -> Bool {
        let deadline = loop.now + .seconds(Int64(60))
        while !isDone() {
            guard loop.now < deadline else { return false }
            for mote in motes { mote.desk?.passOn() }
            loop.after(.milliseconds(2)) {}
            loop.turn(wait: true)
        }
        return true
    }

    func places(_ address: BoxAddress) -> [Mote] { BoxPlaces.of(address, among: list).map { place in motes.first { $0.identity == place.identity }! } }
    /// Whether those that are to have so many items do, and nobody else has any.
    func isSettled(_ address: BoxAddress, items: Int) -> Bool {
        let places = places(address)
        return motes.allSatisfy { mote in mote.desk?.items ?? 0 == (places.contains { $0 === mote } ? items : 0) }
    }
}

@Suite("Boxes at motes")
struct BoxDeskTests {
    private let owner = Curve25519Key()
    private var address: BoxAddress { BoxAddress(key: owner.publicKey)! }

    private func letter(bytes: Int = 100) throws -> Letter {
        let recipient = try #require(MailAddress("me@\(address.domain)")), envelope = try #require(Envelope(sender: nil, recipients: [Recipient(recipient)]))
        let content = Array("Subject: x\r\n\r\n\(String(repeating: "line\r\n", count: bytes / 6))".utf8)
        let id = try #require(LetterID(SecureRandom.bytes(16)))
        return try #require(Letter(id: id, envelope: envelope, content: content))
    }

    private func lay(_ letter: Letter, at mote: Cloud.Mote, _ cloud: Cloud) -> Bool {
        var result: Bool?
        mote.desk?.lay(letter, for: address) { result = $0 }
        return cloud.settle { result != nil } && result == true
    }

    /// Everything in the box at one mote.
    private func fetch(_ mote: Cloud.Mote, _ cloud: Cloud) throws -> [BoxPiece] {
        var pieces: [BoxPiece] = [], known: [[UInt8]] = []
        while true {
            let question = try #require(BoxQuestion.make(owner, to: mote.seen, .many, known: known, now: cloud.loop.wall))
            var answer: BoxAnswer?
            mote.desk?.answer("collect", question) { if case .bytes(let bytes) = $0 { answer = BoxAnswer(bytes, .many) } }
            let items = try #require(answer).items
            if items.isEmpty { return pieces }
            pieces += items.compactMap { $0.open(with: owner) }
            known = items.map(\.name)
        }
    }

    @Test("a letter that comes to any mote gets to the three of its box, and from each of them to its owner")
    func passing() throws {
        let cloud = try Cloud(6), letter = try letter(bytes: 100_000)
        let outsider = try #require(cloud.motes.first { mote in !cloud.places(address).contains { $0 === mote } })
        #expect(lay(letter, at: outsider, cloud))
        #expect(cloud.settle { cloud.isSettled(address, items: 7) })
        for place in cloud.places(address) {
            let pieces = try fetch(place, cloud)
            #expect(BoxPiece.join(pieces).flatMap { BoxLetter($0) }?.letter == letter)
            #expect(place.desk?.items == 0)
        }
    }

    @Test("what is acknowledged is there after kill -9, and what was fetched is not")
    func killed() throws {
        let cloud = try Cloud(3)
        #expect(lay(try letter(), at: cloud.motes[0], cloud))
        try cloud.start(cloud.motes[0])
        #expect(cloud.motes[0].desk?.items == 1)
        #expect(cloud.settle { cloud.isSettled(address, items: 1) })
        for mote in cloud.motes { try cloud.start(mote) }
        #expect(cloud.isSettled(address, items: 1))
        #expect(try fetch(cloud.motes[1], cloud).count == 1)
        #expect(cloud.settle { cloud.motes[1].desk?.items == 0 })
    }

    @Test("letters survive two full rotations of all motes")
    func rotation() throws {
        let cloud = try Cloud(5), letters = try (0..<5).map { try letter(bytes: $0 * 5_000) }
        for letter in letters { #expect(lay(letter, at: cloud.motes[0], cloud)) }
        let items = letters.reduce(0) { $0 + (BoxItem.seal(BoxLetter($1, at: cloud.loop.wall).encoded, to: address) ?? []).count }
        for index in 0..<10 {
            try cloud.add()
            cloud.motes[index].isListed = false
            #expect(cloud.settle { cloud.isSettled(address, items: items) })
            // It has nothing left, and ends.
            #expect(cloud.motes[index].desk?.isHandedOver == true)
            cloud.motes[index].desk?.stop()
            cloud.motes[index].desk = nil
        }
        let pieces = Dictionary(grouping: try fetch(cloud.places(address)[0], cloud), by: \.letter)
        #expect(Set(pieces.values.compactMap { BoxPiece.join($0).flatMap { BoxLetter($0) }?.letter }) == Set(letters))
    }

    @Test("a mote that leaves is done once all it has is elsewhere, and does not wait for those that are gone")
    func leaving() throws {
        let cloud = try Cloud(4), leaver = cloud.motes[0]
        #expect(lay(try letter(), at: leaver, cloud))
        leaver.isListed = false
        let places = cloud.places(address), gone = places.filter { $0 !== places[1] }
        for mote in gone {
            mote.desk?.stop()
            mote.desk = nil
        }
        leaver.desk?.leave()
        #expect(leaver.desk?.isHandedOver == false)
        #expect(cloud.settle { leaver.desk?.isHandedOver == true })
        #expect(places[1].desk?.items == 1)
    }

    @Test("strangers can lay into a box and take nothing out of it; what makes no sense is refused")
    func strangers() throws {
        let cloud = try Cloud(1), mote = cloud.motes[0]
        func ask(_ path: Substring, _ body: [UInt8]) -> BoxDesk.Answer? {
            var answer: BoxDesk.Answer?
            mote.desk?.answer(path, body) { answer = $0 }
            return cloud.settle { answer != nil } ? answer : nil
        }
        let items = try #require(BoxItem.seal([1], to: address)), parcel = BoxParcel(address, items)
        #expect(ask("lay", parcel.encoded) == .bytes([BoxShelf.Verdict.held.rawValue]))
        #expect(ask("lay", parcel.encoded) == .bytes([BoxShelf.Verdict.known.rawValue]))
        let stranger = try #require(BoxQuestion.make(Curve25519Key(), to: mote.seen, .few, known: [parcel.items[0].name], now: cloud.loop.wall))
        #expect(ask("collect", stranger) != .refused)
        #expect(mote.desk?.items == 1)
        let forged = owner.publicKey + stranger.dropFirst(32)
        for (path, body) in [("lay", []), ("lay", Array(parcel.encoded.dropLast())), ("collect", []), ("collect", forged)] { #expect(ask(Substring(path), body) == .refused) }
        #expect(ask("more", []) == .unknown)
        #expect(ask("motes", []) == .bytes(BoxList.encode([mote.seen])))
    }
}
