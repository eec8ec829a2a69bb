import Ambience
import Exchange
import Loops
import MarketHistories
import Onion
import Sealing
import Synchronization
import Testing

@testable import Relaying

/// A mote's gate that answers at once, on the loop's thread.
private final class Porter: GateKeeper {
    private struct Box: @unchecked Sendable { var counter: GateCounter<AccessTokens> }

    private let box: Mutex<Box>
    private let now: Slice
    let time = MarketTime.usual

    init(_ key: Ed25519Key, _ tokens: AccessTokens, at now: Slice) {
        let offer = MoteOffer(size: .small, bucket: 3, slices: now...now + 1)
        box = Mutex(Box(counter: GateCounter(key: key, offer: offer, owners: [], keys: tokens)))
        self.now = now
    }

    func answer(_ message: [UInt8], exporter: [UInt8], _ done: @escaping @Sendable (GateVerdict?) -> Void) -> Bool {
        let verdict = box.withLock { $0.counter.answer(message, exporter: exporter, at: now) }
        done(verdict.map { verdict in
            GateVerdict(answer: verdict.answer, admitted: verdict.admitted.map {
                WallTime(secondsSinceEpoch: time.start(of: $0))..<WallTime(secondsSinceEpoch: time.start(of: $0 + 1) + 900)
            })
        })
        return true
    }
}

@Suite("Links to motes that are sold", .serialized)
struct GateTests {
    private let network: LoopbackNetwork
    private let tokens: AccessTokens
    private let now: Slice
    private let keys = (0..<2).map { _ in Ed25519Key() }
    private let client: IPAddress = .v4(0x7F00_0001)

    init() throws {
        network = try LoopbackNetwork(relays: 2)
        now = MarketTime.usual.slice(at: network.loop.wall.secondsSinceEpoch)
        tokens = AccessTokens(.access(day: now.day))
        for (relay, key) in zip(network.relays, keys) {
            relay.router.policy.market = MarketEntry(keeper: Porter(key, tokens, at: now), free: FreeAllowance(windowSeconds: 1 << 40))
        }
    }

    private func gate(_ index: Int) throws -> LinkGate {
        var found: LinkGate?
        network.client.gate(to: network.relays[index].target.link, isFresh: true) { found = $0 }
        #expect(network.wait { found != nil })
        return try #require(found)
    }

    private func say(_ message: [UInt8], _ gate: LinkGate) throws -> [UInt8] {
        var answer: [UInt8]?
        gate.onMessage = { answer = $0 }
        gate.say(message)
        #expect(network.wait { answer != nil })
        return try #require(answer)
    }

    private func outcome(_ question: GateQuestion, _ gate: LinkGate) throws -> GateReceipt.Outcome? {
        if case .receipt(let receipt) = try GateAnswer(say(question.bytes, gate)) { receipt.outcome } else { nil }
    }

    @Test("a client asks, shows its token and is let in; the same token is refused in another session of TLS, and at another mote")
    func admitted() throws {
        let bought = try tokens.buy(mote: keys[0].publicKey, now), gates = try [gate(0), gate(0), gate(1)]
        let exporters = try gates.map { try #require($0.exporter) }
        #expect(Set(exporters).count == 3)
        let ticket = try #require(bought.ticket(mote: keys[0].publicKey, now))
        var talk = TicketTalk(ticket, for: now, exporter: exporters[0])
        guard case .show(let question) = talk.receive(try say(talk.opening, gates[0])), case .end(.answered(let receipt)) = talk.receive(try say(question, gates[0]))
        else { throw GateError.malformed }
        #expect(receipt.outcome == .served)
        // The very bytes on another link, and signed anew for it.
        #expect(try outcome(GateQuestion(question), gates[1]) == .refused)
        #expect(try outcome(ticket.question(for: now, exporter: exporters[1]), gates[1]) == .refused)
        #expect(try outcome(ticket.question(for: now, exporter: exporters[2]), gates[2]) == .refused)
    }

    @Test("without a token a client has few circuits, with one as many as it likes, and relays are not asked")
    func circuits() throws {
        let target = network.relays[0].target, limit = FreeAllowance.circuitsLimit
        func create(_ peer: RawPeer, _ ids: Range<Int>) { for id in ids { peer.send(0x8000_0000 + UInt32(id), CellCommand.createFast, [UInt8](repeating: 1, count: 20)) } }
        let peer = try RawPeer(loop: network.loop, to: target)
        create(peer, 1..<limit + 11)
        #expect(network.wait { peer.cells.count == limit + 10 })
        #expect(peer.cells.count { $0.command == CellCommand.createdFast } == limit)
        #expect(peer.cells.filter { $0.command == CellCommand.destroy }.allSatisfy { $0.body[0] == DestroyReason.resourceLimit.rawValue })
        let relay = try RawPeer(loop: network.loop, to: target, keys: RelayKeys(wall: network.loop.wall))
        create(relay, 1..<limit + 11)
        #expect(network.wait { relay.cells.count == limit + 10 })
        #expect(relay.cells.allSatisfy { $0.command == CellCommand.createdFast })
        // Whoever only calls himself a relay is none.
        network.relays[0].router.policy.isRelayKnown = { _, _ in false }
        let stranger = try RawPeer(loop: network.loop, to: target, keys: RelayKeys(wall: network.loop.wall))
        create(stranger, 1..<11)
        #expect(network.wait { stranger.cells.count == 10 })
        #expect(stranger.cells.allSatisfy { $0.command == CellCommand.destroy })
        let gate = try gate(0), ticket = try #require(try tokens.buy(mote: keys[0].publicKey, now).ticket(mote: keys[0].publicKey, now))
        #expect(try outcome(ticket.question(for: now, exporter: try #require(gate.exporter)), gate) == .served)
        let circuits = (0..<8).map { _ in network.client.buildCircuit([target]) }
        #expect(network.wait { circuits.allSatisfy(\.isBuilt) })
        withExtendedLifetime(circuits) {}
    }

    @Test("when the free bytes are used up a client's circuits end, and its link stays, so that a token can still be shown")
    func bytes() throws {
        let relay = network.relays[0], free = try #require(relay.router.policy.market).free
        let peer = try RawPeer(loop: network.loop, to: relay.target), circuit = RawCircuit(peer, id: 0x8000_0001)
        #expect(network.wait { circuit.isBuilt })
        while free.takeBytes(client, at: network.loop.wall) {}
        for _ in 0..<600 { circuit.send(RelayCommand.drop) }
        #expect(network.wait { circuit.destroyed == DestroyReason.resourceLimit.rawValue })
        #expect(relay.router.statistics.unpaidLinks > 0 && !peer.isClosed)
        var answers: [RawPeer.Received] = []
        peer.onCell = { answers.append($0) }
        peer.send(0, CellCommand.authorize, GateQuestion.ask(now).bytes)
        #expect(network.wait { answers.contains { $0.command == CellCommand.authorize } })
    }

    @Test("free bytes and circuits are counted by address and slice, and a client that was let in takes none")
    func allowance() {
        let free = FreeAllowance(windowSeconds: 900), wall = WallTime(secondsSinceEpoch: 900_000)
        let neighbour = IPAddress.v6(7, 1), house = IPAddress.v6(7, 2), other = IPAddress.v6(8, 1)
        var grants = 0
        while free.takeBytes(neighbour, at: wall) { grants += 1 }
        #expect(grants == FreeAllowance.bytesLimit / FreeAllowance.grantBytes)
        // One network of 64 bits is one customer's.
        #expect(!free.takeBytes(house, at: wall) && !free.takeCircuit(house, at: wall))
        #expect(free.takeBytes(other, at: wall) && free.takeBytes(house, at: wall + 900))
        for _ in 0..<FreeAllowance.circuitsLimit { #expect(free.takeCircuit(client, at: wall + 900)) }
        #expect(!free.takeCircuit(client, at: wall + 900) && free.takeCircuit(client, at: wall + 1800))
    }

    @Test("AUTHORIZE of another length is passed over, one in pieces is heard, and nonsense or too many questions cost the link")
    func hostile() throws {
        let target = network.relays[0].target
        let peer = try RawPeer(loop: network.loop, to: target)
        #expect(network.wait { peer.peer != nil })
        let ask = Cell.variable(.none, CellCommand.authorize, GateQuestion.ask(now).bytes)
        for count in [0, 1, 506, 508, 40_000] { peer.send(Cell.variable(.none, CellCommand.authorize, [UInt8](repeating: 9, count: count))) }
        for cut in [3, 6, 7, 300, 513] {
            let before = peer.cells.count
            peer.send(Array(ask[..<cut]))
            for _ in 0..<3 { network.loop.turn(wait: false) }
            peer.send(Array(ask[cut...]))
            #expect(network.wait { peer.cells.count == before + 1 })
        }
        #expect(peer.cells.allSatisfy { $0.command == CellCommand.authorize })
        for _ in 0..<20 where !peer.isClosed {
            let before = peer.cells.count
            peer.send(ask)
            #expect(network.wait { peer.isClosed || peer.cells.count > before })
        }
        #expect(peer.isClosed)
        let liar = try RawPeer(loop: network.loop, to: target)
        liar.send(0, CellCommand.authorize, [UInt8](repeating: 9, count: LinkGate.messageBytes))
        #expect(network.wait { liar.isClosed })
    }

    @Test("a relay that is not sold passes over AUTHORIZE and goes on, as stock does")
    func notSold() throws {
        network.relays[0].router.policy.market = nil
        let peer = try RawPeer(loop: network.loop, to: network.relays[0].target)
        peer.send(0, CellCommand.authorize, GateQuestion.ask(now).bytes)
        let circuit = RawCircuit(peer, id: 0x8000_0001)
        #expect(network.wait { circuit.isBuilt })
        #expect(!peer.isClosed)
    }
}
