import Ambience
import Limits
import Loops
import Onion
import Testing

@testable import Relaying

@Suite("Cells that wait for a channel", .serialized)
struct CircuitQueueTests {
    /// Cells are numbered in their last bytes.
    private static func fill(_ body: UnsafeMutablePointer<UInt8>, _ number: Int) {
        body.update(repeating: 0, count: CellLayout.bodyBytes)
        UnsafeMutableRawPointer(body).storeBytes(of: UInt64(number), toByteOffset: 500, as: UInt64.self)
    }

    @Test("Per circuit cells come out as they went in, dropped circuits leave nothing, and no chunk is lost", arguments: 1...10 as ClosedRange<UInt64>)
    func order(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var pool = CellPool()
        var queues = CircuitQueues()
        var output = OutputQueue()
        let clock = DecayClock(halfLife: .seconds(30), now: .zero)
        var model: [UInt32: [Int]] = [:]
        for step in 0..<5000 {
            let id = UInt32.random(in: 1...12, using: &random)
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<6:
                for _ in 0..<Int.random(in: 1...20, using: &random) {
                    let number = Int.random(in: 0..<1_000_000, using: &random)
                    let cell = queues.reserve(queues.open(id, isOutbound: true), &pool, now: .zero)
                    UnsafeMutableRawPointer(cell).storeBytes(of: id.bigEndian, as: UInt32.self)
                    Self.fill(cell + CellLayout.headerBytes, number)
                    model[id, default: []].append(number)
                }
            case 6..<9:
                let before = queues.cellCount
                queues.move(31, to: &output, &pool, at: clock.position(at: .zero + .milliseconds(Int64(step))), lowCells: 10)
                #expect(output.count == min(31, before) * CellLayout.fixedBytes)
                while output.count > 0 {
                    let cell = UnsafeRawPointer(output.front!)
                    let from = UInt32(bigEndian: cell.loadUnaligned(as: UInt32.self))
                    let number = Int(cell.loadUnaligned(fromByteOffset: CellLayout.headerBytes + 500, as: UInt64.self))
                    #expect(model[from]?.first == number, "seed \(seed)")
                    model[from]?.removeFirst()
                    output.consume(CellLayout.fixedBytes)
                }
            default:
                queues.drop(id, &pool)
                model[id] = nil
            }
            #expect(queues.cellCount == model.values.reduce(0) { $0 + $1.count }, "seed \(seed)")
            #expect(queues.count(id) == model[id]?.count ?? 0, "seed \(seed)")
        }
        queues.dropAll(&pool)
        #expect(queues.isEmpty && pool.usedCount == 0)
    }

    @Test("A held circuit is told once when few of its cells are left")
    func held() {
        var pool = CellPool()
        var queues = CircuitQueues()
        var output = OutputQueue()
        let now = DecayClock(halfLife: .seconds(30), now: .zero).position(at: .zero)
        for number in 0..<50 { Self.fill(queues.reserve(queues.open(7, isOutbound: false), &pool, now: .zero), number) }
        queues.hold(7)
        queues.move(31, to: &output, &pool, at: now, lowCells: 10)
        #expect(queues.takeDrained().isEmpty)
        queues.move(9, to: &output, &pool, at: now, lowCells: 10)
        #expect(queues.takeDrained() == [7])
        queues.move(9, to: &output, &pool, at: now, lowCells: 10)
        #expect(queues.takeDrained().isEmpty && queues.cellCount == 1)
        queues.dropAll(&pool)
    }

    @Test("Every circuit that waits is known with its cells and how long")
    func waiting() {
        var pool = CellPool()
        var queues = CircuitQueues()
        for (id, second) in [(3, 5), (4, 2), (5, 9), (4, 8)] as [(UInt32, Int64)] {
            _ = queues.reserve(queues.open(id, isOutbound: false), &pool, now: .zero + .seconds(second))
        }
        queues.drop(3, &pool)
        var found: [UInt32: (Int, Instant)] = [:]
        queues.eachWaiting { found[$0] = ($1, $2) }
        #expect(found.count == 2 && found[4]?.0 == 2 && found[4]?.1 == .zero + .seconds(2) && found[5]?.0 == 1)
        queues.dropAll(&pool)
    }

    @Test("A quiet circuit's cell overtakes the backlog of a busy one")
    func quietFirst() throws {
        let network = try LoopbackNetwork(relays: 1)
        let relay = network.relays[0]
        let peer = try RawPeer(loop: network.loop, to: relay.target)
        let busy = RawCircuit(peer, id: 0x8000_0001)
        #expect(network.wait { busy.isBuilt })
        let quiet = RawCircuit(peer, id: 0x8000_0002)
        #expect(network.wait { quiet.isBuilt })
        peer.isDeaf = true
        // Each is answered with an END.
        for _ in 0..<2400 { busy.send(RelayCommand.beginDir, stream: 1) }
        #expect(network.wait { relay.router.statistics.bytesRead > 2400 * 514 })
        quiet.send(RelayCommand.beginDir, stream: 1)
        #expect(network.wait { relay.router.cellPool.usedCount > 100 })
        for _ in 0..<20 { network.loop.turn(wait: false) }
        var order: [UInt32] = []
        peer.onCell = { order.append($0.id) }
        peer.isDeaf = false
        #expect(network.wait { order.count == 2401 })
        let place = order.firstIndex(of: 0x8000_0002) ?? order.count
        #expect(place < 1500, "\(place) cells came before it")
        #expect(relay.router.cellPool.usedCount == 0)
    }

    @Test("A circuit's cells that wait go with it, and DESTROY does not wait behind others")
    func destroyed() throws {
        let network = try LoopbackNetwork(relays: 1)
        let relay = network.relays[0]
        relay.router.policy.queues.inboundLimitCells = 2000
        let peer = try RawPeer(loop: network.loop, to: relay.target)
        let circuit = RawCircuit(peer, id: 0x8000_0001)
        #expect(network.wait { circuit.isBuilt })
        peer.isDeaf = true
        for _ in 0..<5000 { circuit.send(RelayCommand.beginDir, stream: 1) }
        #expect(network.wait { relay.router.circuitCount == 0 })
        #expect(relay.router.cellPool.usedCount == 0)
        var seen: [UInt8] = []
        peer.onCell = { seen.append($0.command) }
        peer.isDeaf = false
        #expect(network.wait { seen.last == CellCommand.destroy })
        #expect(seen.count < 2500)
    }
}
