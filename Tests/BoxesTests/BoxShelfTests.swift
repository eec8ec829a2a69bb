import Ambience
import Boxes
import Sealing
import Testing

@Suite("What motes keep of mailboxes")
struct BoxShelfTests {
    private static let start = WallTime(secondsSinceEpoch: 1_800_000_000)
    private let address = BoxAddress(key: Curve25519Key().publicKey)!

    private static func motes(_ count: Int) -> [BoxMote] {
        (0..<count).map { BoxMote(identity: Array(Digest.sha256([UInt8($0)]).prefix(20)), mailKey: [UInt8](repeating: UInt8($0), count: 32)) }
    }

    private static func name(_ number: Int) -> [UInt8] { Array(Digest.sha256(Array("\(number)".utf8)).prefix(BoxItem.nameBytes)) }

    @Test("a full box refuses, and others still have room")
    func full() {
        var bounds = BoxShelf.Bounds()
        (bounds.items, bounds.itemsOfBox) = (3, 2)
        var shelf = BoxShelf(bounds: bounds)
        #expect(shelf.add(Self.name(1), to: address, at: Self.start) == .held)
        #expect(shelf.add(Self.name(1), to: address, at: Self.start) == .known)
        #expect(shelf.add(Self.name(2), to: address, at: Self.start) == .held)
        #expect(shelf.add(Self.name(3), to: address, at: Self.start) == .full)
        let other = BoxAddress(key: Curve25519Key().publicKey)!
        #expect(shelf.add(Self.name(3), to: other, at: Self.start) == .held)
        #expect(shelf.add(Self.name(4), to: other, at: Self.start) == .full)
        #expect(shelf.remove([Self.name(1), Self.name(9)], of: address) == [Self.name(1)])
        #expect(shelf.add(Self.name(4), to: other, at: Self.start) == .held)
    }

    @Test("what was not asked for in sixty days goes")
    func old() {
        var shelf = BoxShelf()
        _ = shelf.add(Self.name(1), to: address, at: Self.start)
        _ = shelf.add(Self.name(2), to: address, at: Self.start + 86_400)
        #expect(shelf.surplus(among: [], own: [], at: Self.start + 60 * 86_400) == [Self.name(1)])
        #expect(shelf.names(of: address) == [Self.name(2)])
    }

    /// A cloud of motes that come, and go with notice or without; each errand arrives or is lost, and its receipt too.
    @Test("letters outlive all the motes that first had them", arguments: 1...12)
    func rotation(seed: Int) {
        var random = SeededRandom(seed: UInt64(seed)), cloud = Cloud(Self.motes(40))
        let names = (0..<30).map(Self.name)
        for name in names { _ = cloud.shelves[0].add(name, to: address, at: Self.start) }
        for turn in 0..<30 {
            cloud.settle(&random)
            if turn % 3 == 2 { cloud.rotate(&random) }
        }
        cloud.settle(&random, losses: 0)
        let places = BoxPlaces.of(address, among: cloud.listed)
        for place in places { #expect(Set(cloud.shelves[cloud.index(place)].names(of: address)) == Set(names)) }
        for mote in cloud.listed where !places.contains(mote) { #expect(cloud.shelves[cloud.index(mote)].count == 0) }
        #expect(cloud.first >= 10)
    }

    private struct Cloud {
        let all: [BoxMote]
        var shelves: [BoxShelf]
        /// Motes from here on are listed, six of them; those before have ended.
        var first = 0

        init(_ all: [BoxMote]) {
            self.all = all
            shelves = all.map { _ in BoxShelf() }
        }

        var listed: [BoxMote] { Array(all[first..<first + 6]) }
        func index(_ mote: BoxMote) -> Int { all.firstIndex(of: mote)! }

        /// The oldest is about to end: it is left out of the list, passes on what it has, and is gone.
        mutating func rotate(_ random: inout SeededRandom) {
            let ending = first
            first += 1
            for _ in 0..<30 { run(ending, losses: 3, &random) }
            #expect(shelves[ending].count == 0)
            shelves[ending] = BoxShelf()
        }

        mutating func settle(_ random: inout SeededRandom, losses: Int = 3) {
            for _ in 0..<10 { for index in first..<first + 6 { run(index, losses: losses, &random) } }
        }

        private mutating func run(_ index: Int, losses: Int, _ random: inout SeededRandom) {
            for errand in shelves[index].errands(among: listed, own: all[index].identity) {
                guard Int.random(in: 0..<10, using: &random) >= losses else { continue }
                for name in errand.names { #expect(shelves[self.index(errand.mote)].add(name, to: errand.address, at: BoxShelfTests.start) != .full) }
                guard Int.random(in: 0..<10, using: &random) >= losses else { continue }
                shelves[index].passed(errand.names, of: errand.address, to: errand.mote.identity)
            }
            _ = shelves[index].surplus(among: listed, own: all[index].identity, at: BoxShelfTests.start)
        }
    }
}
