import Ambience
import Loops
import Onion
import Sealing
import Testing

@testable import Relaying

@Suite("Linked circuits at an exit", .serialized)
struct LinkedCircuitTests {
    /// Two circuits of a raw relay, each over a link of its own, to one exit.
    final class Scene {
        let network: LoopbackNetwork
        let circuits: [RawCircuit]
        let nonce = SecureRandom.bytes(32)
        var exit: OnionRouter { network.relays[0].router }

        /// With two loops, the second link is on the other loop than the first.
        init(legs: Int = 2, loops: Int = 0, _ extensions: CircuitExtensions = CircuitExtensions(wantsCongestionControl: true, crypto: .counterGalois)) throws {
            network = try LoopbackNetwork(relays: 1, loops: loops)
            let target = network.relays[0].target
            let loop = network.loop
            circuits = try (0..<legs).map { _ in
                try RawCircuit(RawPeer(loop: loop, to: target, keys: RelayKeys(wall: loop.wall)), id: 0x8000_0001, at: target, extensions)
            }
            let circuits = circuits
            #expect(network.wait { circuits.allSatisfy(\.isBuilt) })
        }

        func wait(_ condition: () -> Bool) -> Bool { network.wait(until: condition) }

        func link(_ leg: Int, sent: UInt64 = 0, nonce other: [UInt8]? = nil) {
            let message = ConfluxLinkMessage(nonce: other ?? nonce, lastSent: sent, lastReceived: 0, experience: .highThroughput)
            circuits[leg].send(RelayCommand.confluxLink, message.encoded)
        }

        /// Links all circuits as a client does.
        func linkAll() {
            for leg in circuits.indices {
                link(leg)
                #expect(wait { circuits[leg].count(RelayCommand.confluxLinked) == 1 })
                circuits[leg].send(RelayCommand.confluxLinkedAck)
            }
        }

        func begin(_ leg: Int, stream: UInt16, port: UInt16) {
            circuits[leg].send(RelayCommand.begin, stream: stream, BeginMessage(host: "127.0.0.1", port: port, flags: 0).encoded)
        }

        /// Nothing of the set, and no circuit, is left on any loop.
        func isEmpty() -> Bool { wait { exit.totals.circuits == 0 && exit.linkedCircuits.isEmpty && exit.loops?.sets.isEmpty != false } }

        func isDestroyed(_ leg: Int, _ reason: DestroyReason = .protocolViolation) -> Bool {
            wait { circuits[leg].destroyed != nil } && circuits[leg].destroyed == reason.rawValue
        }

        /// DATA of one stream from all legs, put back in order as a client does.
        func received(_ stream: UInt16) -> [UInt8] {
            var messages: [(UInt64, [UInt8])] = []
            for circuit in circuits {
                var number: UInt64 = 0
                for message in circuit.messages {
                    if message.command == RelayCommand.confluxSwitch { number += UInt64((try? ConfluxSwitchMessage(message.data))?.relativeSequence ?? 0) }
                    guard RelayCommand.isMultiplexed(message.command) else { continue }
                    number += 1
                    if message.command == RelayCommand.data, message.stream == stream { messages.append((number, message.data)) }
                }
            }
            return messages.sorted { $0.0 < $1.0 }.flatMap(\.1)
        }
    }

    @Test("answer with their nonce and count the legs")
    func linked() throws {
        let scene = try Scene()
        scene.linkAll()
        let answer = try #require(scene.circuits[1].messages.first { $0.command == RelayCommand.confluxLinked })
        #expect(try ConfluxLinkMessage(answer.data) == ConfluxLinkMessage(nonce: scene.nonce, lastSent: 0, lastReceived: 0, experience: .leastLatency))
        #expect(scene.exit.statistics.confluxLegs == 2 && scene.exit.linkedCircuits.count == 1)
    }

    @Test("carry one stream over both legs, in order, and answer on both once one window is full", arguments: [0, 2])
    func echo(loops: Int) throws {
        let scene = try Scene(loops: loops)
        let (listener, port) = try scene.network.echoServer()
        defer { listener.close() }
        scene.linkAll()
        // The second half arrives before the first, on the other leg.
        scene.begin(0, stream: 5, port: port)
        scene.circuits[1].send(RelayCommand.confluxSwitch, ConfluxSwitchMessage(relativeSequence: 101).encoded)
        for number in 100..<200 { scene.circuits[1].send(RelayCommand.data, stream: 5, [UInt8](repeating: UInt8(number), count: 488)) }
        #expect(scene.wait { scene.exit.confluxHeldBytes > 100 * 488 })
        for number in 0..<100 { scene.circuits[0].send(RelayCommand.data, stream: 5, [UInt8](repeating: UInt8(number), count: 488)) }
        let all = (0..<200).flatMap { [UInt8](repeating: UInt8($0), count: 488) }
        // Nobody acknowledges, so one leg's window of 124 cells does not do.
        #expect(scene.wait { scene.received(5).count == all.count })
        #expect(scene.received(5) == all)
        #expect(scene.exit.confluxHeldBytes == 0)
        #expect(scene.circuits.allSatisfy { $0.count(RelayCommand.data) > 0 && $0.count(RelayCommand.sendme) == 3 })
        #expect(scene.exit.statistics.confluxSwitches > 0)
        #expect(scene.exit.statistics.confluxLegs == 2 && scene.exit.statistics.confluxLegsMoved == (loops > 0 ? 1 : 0))
        for circuit in scene.circuits { circuit.peer.send(circuit.id, CellCommand.destroy, [0]) }
        #expect(scene.isEmpty())
    }

    @Test("count what waits for its turn as memory, and as a reason to end them when there is too little")
    func memory() throws {
        let scene = try Scene()
        scene.linkAll()
        let bytes = 100 * 488
        scene.exit.surveyMemory()
        let before = scene.exit.surveyedBytes
        scene.circuits[1].send(RelayCommand.confluxSwitch, ConfluxSwitchMessage(relativeSequence: 1).encoded)
        for _ in 0..<100 { scene.circuits[1].send(RelayCommand.data, stream: 5, [UInt8](repeating: 1, count: 488)) }
        #expect(scene.wait { scene.exit.confluxHeldBytes > bytes })
        scene.exit.surveyMemory()
        #expect(scene.exit.surveyedBytes - before > bytes)
        #expect(scene.exit.circuits.values.compactMap(\.streamDebt?.bytes) == [scene.exit.confluxHeldBytes])
    }

    @Test("meet on the loop of the first, also when that is not the node's own, and go with its link")
    func elsewhere() throws {
        let scene = try Scene(loops: 2)
        scene.link(1)
        #expect(scene.wait { scene.circuits[1].count(RelayCommand.confluxLinked) == 1 })
        scene.link(0)
        #expect(scene.wait { scene.circuits[0].count(RelayCommand.confluxLinked) == 1 })
        #expect(scene.exit.linkedCircuits.isEmpty)
        #expect(scene.wait { scene.exit.totals.statistics.confluxLegsMoved == 1 && scene.exit.totals.statistics.confluxLegs == 2 })
        for circuit in scene.circuits { circuit.peer.close() }
        #expect(scene.isEmpty())
    }

    @Test("are refused on the other loop as on the first: a leg too many, one that is told of data nobody has, and one whose link is gone", arguments: 0..<3)
    func farRefusals(what: Int) throws {
        let scene = try Scene(legs: what == 0 ? 10 : 2, loops: 2)
        scene.link(0)
        #expect(scene.wait { scene.circuits[0].count(RelayCommand.confluxLinked) == 1 })
        switch what {
        case 0:
            for leg in 1..<8 {
                scene.link(leg)
                #expect(scene.wait { scene.circuits[leg].count(RelayCommand.confluxLinked) == 1 })
            }
            for leg in 8..<10 {
                scene.link(leg)
                #expect(scene.isDestroyed(leg))
            }
            #expect(scene.exit.circuitCount == 8)
        case 1:
            scene.link(1, sent: 7)
            #expect(scene.isDestroyed(1) && scene.isDestroyed(0))
        default:
            scene.link(1)
            scene.circuits[1].peer.send(scene.circuits[1].id, CellCommand.destroy, [0])
            #expect(scene.wait { scene.exit.circuitCount == 1 && scene.exit.totals.circuits == 1 })
        }
        for circuit in scene.circuits { circuit.peer.close() }
        #expect(scene.isEmpty())
    }

    @Test("leave nothing behind on two loops, whenever their circuits and links close", arguments: 1...2 as ClosedRange<UInt64>)
    func races(seed: UInt64) throws {
        let scene = try Scene(legs: 12, loops: 2)
        let (listener, port) = try scene.network.echoServer()
        defer { listener.close() }
        var random = SeededRandom(seed: seed)
        let (loop, nonces) = (scene.network.loop, (0..<3).map { _ in SecureRandom.bytes(32) })
        for (leg, circuit) in scene.circuits.enumerated() {
            let bytes = [UInt8](repeating: 1, count: 488)
            loop.after(.milliseconds(Int64.random(in: 0...20, using: &random))) {
                scene.link(leg, nonce: nonces[leg % 3])
                circuit.send(RelayCommand.confluxLinkedAck)
                scene.begin(leg, stream: UInt16(leg + 1), port: port)
                for _ in 0..<40 { circuit.send(RelayCommand.data, stream: UInt16(leg + 1), bytes) }
            }
            let isPolite = Bool.random(using: &random)
            loop.after(.milliseconds(Int64.random(in: 0...40, using: &random))) {
                if isPolite { circuit.peer.send(circuit.id, CellCommand.destroy, [0]) } else { circuit.peer.close() }
            }
        }
        loop.after(.milliseconds(60)) {
            for circuit in scene.circuits { circuit.peer.close() }
        }
        #expect(scene.wait { scene.circuits.allSatisfy(\.peer.isClosed) } && scene.isEmpty())
    }

    @Test("close when they are not the last hop's to link, carry streams, or are linked already", arguments: 0..<7)
    func refusals(what: Int) throws {
        let scene = try Scene(legs: 1, what == 0 ? CircuitExtensions() : CircuitExtensions(wantsCongestionControl: true, crypto: .counterGalois))
        let (listener, port) = try scene.network.echoServer()
        defer { listener.close() }
        switch what {
        case 1:
            scene.begin(0, stream: 1, port: port)
            #expect(scene.wait { scene.circuits[0].count(RelayCommand.connected) == 1 })
        case 2: scene.linkAll()
        case 3: scene.exit.policy.flow = FlowParameters { name, fallback, _ in name == "cfx_enabled" ? 0 : fallback }
        default: break
        }
        switch what {
        case 4: scene.link(0, sent: 1)
        case 5: scene.circuits[0].send(RelayCommand.confluxLink, [1, 2, 3])
        case 6: scene.circuits[0].send(RelayCommand.confluxLinked, [UInt8](repeating: 0, count: 50))
        default: scene.link(0)
        }
        #expect(scene.isDestroyed(0))
        #expect(scene.wait { scene.exit.linkedCircuits.isEmpty && scene.exit.circuitCount == 0 })
    }

    @Test("close on SWITCH or LINKED_ACK without a link, on a second LINKED_ACK, on BEGIN_DIR and on EXTEND2", arguments: 0..<5)
    func violations(what: Int) throws {
        let scene = try Scene(legs: 1)
        if what > 1 { scene.linkAll() }
        switch what {
        case 0: scene.circuits[0].send(RelayCommand.confluxSwitch, [0, 0, 0, 1])
        case 1, 2: scene.circuits[0].send(RelayCommand.confluxLinkedAck)
        case 3: scene.circuits[0].send(RelayCommand.beginDir, stream: 1)
        default: scene.circuits[0].send(RelayCommand.extend2, [0, 0, 2, 0, 0], early: true)
        }
        #expect(scene.isDestroyed(0))
    }

    @Test("go on over the other leg when an idle one is lost")
    func idleLoss() throws {
        let scene = try Scene()
        let (listener, port) = try scene.network.echoServer()
        defer { listener.close() }
        scene.linkAll()
        scene.begin(0, stream: 5, port: port)
        #expect(scene.wait { scene.circuits.contains { $0.count(RelayCommand.connected) == 1 } })
        let busy = scene.circuits[0].count(RelayCommand.connected)
        // BEGIN came on the first leg; CONNECTED went over the quicker. Only a leg that did neither can be lost.
        guard busy == 1 else { return }
        scene.circuits[1].peer.send(scene.circuits[1].id, CellCommand.destroy, [0])
        #expect(scene.wait { scene.exit.circuitCount == 1 })
        scene.circuits[0].send(RelayCommand.data, stream: 5, [1, 2, 3])
        #expect(scene.wait { scene.received(5) == [1, 2, 3] })
    }

    @Test("all end with one that was in use", arguments: 0..<2, [0, 2])
    func busyLoss(leg: Int, loops: Int) throws {
        let scene = try Scene(loops: loops)
        let (listener, port) = try scene.network.echoServer()
        defer { listener.close() }
        scene.linkAll()
        scene.begin(0, stream: 5, port: port)
        for _ in 0..<150 { scene.circuits[0].send(RelayCommand.data, stream: 5, [UInt8](repeating: 1, count: 488)) }
        #expect(scene.wait { scene.received(5).count == 150 * 488 })
        scene.circuits[leg].peer.close()
        #expect(scene.isDestroyed(1 - leg, .finished))
        #expect(scene.isEmpty())
    }
}
