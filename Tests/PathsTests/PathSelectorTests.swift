import Ambience
import Directory
import Sealing
import Testing

@testable import Paths

@Suite("Path selection")
struct PathSelectorTests {
    @Test("a path to a relay's directory ends at that relay, whatever its exit policy, and nowhere without one")
    func directories() throws {
        let relays = (1...6).map { Networks.relay($0, $0 < 4 ? Networks.all.union(.v2Dir) : Networks.all, policy: "reject 1-65535") }
        let selector = Networks.selector(relays)
        for seed in 1...20 {
            #expect(try selector.once(PathNeed(.directory(Networks.identity(2)), now: Networks.now), seed: UInt64(seed)).last?.identity == Networks.identity(2))
        }
        #expect(selector.failure(PathNeed(.directory(Networks.identity(5)), now: Networks.now)) != nil)
    }

    @Test("a path to any mote's directory ends at one that says it is on the mix and has a directory")
    func anyMote() throws {
        func relays(_ motes: Set<Int>) -> [PathRelay] {
            (1...6).map { number in
                var relay = Networks.relay(number, number == 6 ? Networks.all : Networks.all.union(.v2Dir))
                if motes.contains(number) { relay.protocols.insert(PathNeed.mixProtocol, PathNeed.mixVersion) }
                return relay
            }
        }
        let need = PathNeed(.directory(nil), now: Networks.now), selector = Networks.selector(relays([2, 4, 6]))
        let ends = try Set((1...40).map { seed in try selector.once(need, seed: UInt64(seed))[2].identity })
        #expect(ends == [Networks.identity(2), Networks.identity(4)])
        #expect(Networks.selector(relays([6])).failure(need)?.constraint == .policy)
    }

    @Test("A path is guard, middle and exit, three different relays")
    func shape() throws {
        let path = try Networks.selector((1...5).map { Networks.relay($0) }).once()
        #expect(Set(path.map(\.identity)).count == 3)
    }

    @Test("Each constraint that takes the last candidate is named in the failure")
    func failures() {
        let three = (1...3).map { Networks.relay($0) }
        func failure(_ relays: [PathRelay], _ change: (inout PathPolicy) -> Void = { _ in }) -> PathFailure.Constraint? {
            Networks.selector(relays, weights: .even, change).failure()?.constraint
        }
        #expect(failure([]) == .listed)
        #expect(failure(three.map { Networks.relay(Int($0.identity.bytes[0]), [.valid]) }) == .running)
        #expect(failure(three.map { var relay = $0; relay.details = nil; return relay }) == .described)
        #expect(failure(three) { $0.exitNodes = try! RelaySet("stranger") } == .configured)
        #expect(failure((1...3).map { Networks.relay($0, [.running, .valid, .exit, .badExit]) }) == .flagged)
        #expect(failure((1...3).map { Networks.relay($0, [.running, .valid, .exit, .middleOnly]) }) == .flagged)
        #expect(failure((1...3).map { Networks.relay($0, policy: "accept 80") }) == .policy)
        #expect(failure((1...3).map { Networks.relay($0, lifeSeconds: 599) }) == .life)
        #expect(failure(Array(three.prefix(2))) == .distinct)
        let refused = PathNeed(.port(443, isIPv6: false), now: Networks.now, refusers: Set(three.map(\.identity)))
        #expect(Networks.selector(three).failure(refused)?.constraint == .refused)
        #expect(failure((1...3).map { Networks.relay($0, [.running, .valid]) }) { $0.useEntryGuards = true } == .flagged)
    }

    @Test("Only exits whose policy allows the port are last, IPv6 by its own policy")
    func policies() throws {
        let relays = (1...6).map { Networks.relay($0, policy: $0 == 4 ? "accept 22" : "accept 80,443") }
        for seed in 0..<50 { #expect(try Networks.selector(relays).once(PathNeed(.port(22, isIPv6: false), now: Networks.now), seed: UInt64(seed))[2].nickname == "relay4") }
        #expect(Networks.selector(relays).failure(PathNeed(.port(443, isIPv6: true), now: Networks.now))?.constraint == .policy)
    }

    @Test("Relays of one family or one network never share a path")
    func distinct() throws {
        let names = RelayFamily(members: ["$\(Networks.identity(1))", "relay2"])
        let key = RelayFamily(keys: ["ed25519:same"])
        let mutual = Networks.selector([Networks.relay(1, family: names), Networks.relay(2, family: names), Networks.relay(3)])
        #expect(mutual.failure()?.constraint == .distinct)
        let oneSided = Networks.selector([Networks.relay(1, family: names), Networks.relay(2), Networks.relay(3)])
        #expect(oneSided.failure() == nil)
        let keyed = Networks.selector([Networks.relay(1, family: key), Networks.relay(2, family: key), Networks.relay(3)])
        #expect(keyed.failure()?.constraint == .distinct)
        var neighbour = Networks.relay(2)
        neighbour.addresses = [SocketAddress("10.1.77.7:9001")!]
        let near = [Networks.relay(1), neighbour, Networks.relay(3)]
        #expect(Networks.selector(near).failure()?.constraint == .distinct)
        #expect(Networks.selector(near) { $0.enforceDistinctSubnets = false }.failure() == nil)
        let configured = Networks.selector((1...3).map { Networks.relay($0) }) { $0.nodeFamilies = [try! RelaySet("relay1,relay3")] }
        #expect(configured.failure()?.constraint == .distinct)
    }

    @Test("The configuration steers every position, whoever could serve elsewhere")
    func steering() throws {
        let selector = Networks.selector((1...6).map { Networks.relay($0) }) {
            $0.entryNodes = try! RelaySet("relay1")
            $0.middleNodes = try! RelaySet("$\(Networks.identity(2))~relay2")
            $0.excludeNodes = try! RelaySet("10.5.0.0/16")
            $0.excludeExitNodes = try! RelaySet("relay6")
        }
        for seed in 0..<100 {
            let path = try selector.once(seed: UInt64(seed)).map(\.nickname)
            #expect(path[0] == "relay1" && path[1] == "relay2" && ["relay3", "relay4"].contains(path[2]))
        }
    }

    @Test("A relay that ends within the stream's expected life is in no path")
    func expiry() throws {
        let relays = [Networks.relay(1), Networks.relay(2, lifeSeconds: 600), Networks.relay(3, lifeSeconds: 900)] + (4...9).map { Networks.relay($0, lifeSeconds: 599) }
        for seed in 0..<100 {
            let path = try Networks.selector(relays).once(seed: UInt64(seed))
            #expect(Set(path.map(\.nickname)) == ["relay1", "relay2", "relay3"])
        }
    }

    @Test("Long-lived ports get the relays that live longest: the endless first, then by their end")
    func longLived() throws {
        let relays = (1...9).map { Networks.relay($0, lifeSeconds: $0 <= 3 ? 7200 + Int64($0) : 1200) }
        let shell = PathNeed(.port(22, isIPv6: false), now: Networks.now)
        for seed in 0..<100 {
            let path = try Networks.selector(relays).once(shell, seed: UInt64(seed))
            #expect(Set(path.map(\.nickname)) == ["relay1", "relay2", "relay3"])
            let guarded = try Networks.selector(relays, { $0.useEntryGuards = true }).once(shell, seed: UInt64(seed))
            #expect(Set(guarded.map(\.nickname)) == ["relay1", "relay2", "relay3"])
            let endless = try Networks.selector(relays + [Networks.relay(10)]).once(shell, seed: UInt64(seed))
            #expect(endless[2].nickname == "relay10")
        }
    }

    @Test("A relay that has only just come is no middle while there are others, since exits may not know it yet")
    func newcomers() throws {
        var relays = (1...6).map { Networks.relay($0) }
        for index in 0..<3 { relays[index].isNew = true }
        for seed in 0..<100 { #expect(try !Networks.selector(relays).once(seed: UInt64(seed))[1].isNew) }
        for index in 3..<6 { relays[index].isNew = true }
        #expect(Networks.selector(relays).failure() == nil)
    }

    @Test("Relays are chosen in proportion to their weights")
    func weights() throws {
        // A third of the bandwidth at each of: guard only, exit only, both; and one of neither.
        let plain: RelayFlags = [.running, .valid, .fast]
        let relays = [
            Networks.relay(1, plain.union(.guard), bandwidth: 1000), Networks.relay(2, plain.union(.exit), bandwidth: 1000),
            Networks.relay(3, plain.union([.guard, .exit]), bandwidth: 1000), Networks.relay(4, plain, bandwidth: 500),
        ]
        let expected: [PathPosition: [Double]] = [.entry: [7, 0, 3.333, 3.5], .middle: [3, 3, 3.333, 5], .exit: [3.333, 7, 3.333, 3.5]]
        for (position, shares) in expected {
            var random = SeededRandom(seed: 7)
            var counts = [Double](repeating: 0, count: 4)
            for _ in 0..<40_000 {
                let relay = WeightedChoice.pick(relays, weight: { Networks.weights.weight(of: $0, at: position) }, using: &random)
                if let relay { counts[Int(relay.identity.bytes[0]) - 1] += 1 }
            }
            let whole = shares.reduce(0, +)
            for (count, share) in zip(counts, shares) { #expect(abs(count / 40_000 - share / whole) < 0.01, "\(position)") }
        }
    }

    @Test("Without any weight the choice is even, and a consensus without weights counts plain bandwidth")
    func evenWeights() {
        var random = SeededRandom(seed: 7)
        var seen: Set<Int> = []
        for _ in 0..<200 { seen.insert(WeightedChoice.pick([1, 2, 3], weight: { _ in 0 }, using: &random) ?? 0) }
        #expect(seen == [1, 2, 3])
        #expect(PathWeights(["Wgg": 1]) == .even)
        #expect(PathWeights.even.weight(of: Networks.relay(1, bandwidth: 77), at: .exit) == 77)
    }

    @Test("In random networks every path keeps every rule", arguments: [1, 2, 3] as [UInt64])
    func properties(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for _ in 0..<300 {
            let relays = (1...20).map { number in
                let flags = Networks.all.subtracting([.running, .exit, .guard, .fast, .badExit].filter { _ in Int.random(in: 0..<4, using: &random) == 0 }.reduce([]) { $0.union($1) })
                let life: Int64? = Bool.random(using: &random) ? nil : Int64.random(in: 0..<3000, using: &random)
                return Networks.relay(number, flags, bandwidth: UInt32.random(in: 0..<1000, using: &random), lifeSeconds: life)
            }
            let selector = Networks.selector(relays, weights: Networks.weights) { $0.useEntryGuards = true }
            var guards = GuardSample()
            guard let path = try? selector.path(for: Networks.web, guards: &guards, using: &random) else { continue }
            #expect(path.allSatisfy { $0.isUsable && $0.lives(600, from: Networks.now) }, "seed \(seed)")
            #expect(Set(path.map(\.identity)).count == 3 && path[0].flags.contains(.guard), "seed \(seed)")
        }
    }

    @Test("The usable part of all paths falls with every relay whose microdescriptor is missing")
    func usableFraction() {
        var relays = (1...4).map { Networks.relay($0) }
        #expect(PathNetwork(relays: relays, weights: .even).usableFraction == 1)
        relays[0].details = nil
        #expect(abs(PathNetwork(relays: relays, weights: .even).usableFraction - 0.421875) < 1e-9)
        #expect(PathNetwork(relays: [], weights: .even).usableFraction == 0)
    }
}
