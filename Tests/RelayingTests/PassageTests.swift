import Ambience
import Glibc
import Limits
import Loops
import Onion
import Sealing
import Testing

@testable import Relaying

@Suite("A passage to another loop", .serialized)
struct PassageTests {
    /// Our side of a passage. Nobody runs the other loop: it looks into its ring when the test says so.
    private final class Scene {
        let loop = EventLoop()
        let router: OnionRouter
        let passage: Passage
        private let outgoing = CellRing()
        private var body = [UInt8](repeating: 0, count: CellLayout.bodyBytes)

        init() {
            router = OnionRouter(loop: loop, tls: TLSContext())
            passage = Passage(router: router, peer: LoopBound(mailbox: Mailbox()), to: 1, outgoing: outgoing, incoming: CellRing())
        }

        func append(_ id: UInt32, _ mark: UInt8 = 0) -> Bool {
            body[0] = mark
            return passage.appendCell(id, CellCommand.relay, body)
        }

        func fill() -> Int {
            var count = 0
            while append(1) { count += 1 }
            return count
        }

        func flush() {
            router.dirtyPassages.removeAll()
            passage.flush()
        }

        /// What the other loop finds.
        func taken(_ limit: Int = .max) -> [(id: UInt32, command: UInt8, mark: UInt8)] {
            var found: [(id: UInt32, command: UInt8, mark: UInt8)] = []
            while found.count < limit, let (id, command, body) = outgoing.take() { found.append((id, command, body[0])) }
            _ = outgoing.release()
            return found
        }

        /// The end of a circuit that moved here.
        func traveller(_ id: UInt32) throws -> RelayCircuit {
            let cipher = { HopCipher(.tor1, material: [UInt8](repeating: 7, count: 36), side: .relay) }
            let message = ConfluxLinkMessage(nonce: [UInt8](repeating: 1, count: 32), lastSent: 0, lastReceived: 0, experience: .noOpinion)
            let traveller = TravellingCircuit(
                forward: cipher(), backward: cipher(), position: Circuit(router: router).position, earlyCount: 0, streamBucket: TokenBucket(),
                origin: .init(peer: nil, address: .v4(0x7F00_0001)), message)
            let circuit = try #require(RelayCircuit(router: router, back: passage, id: id, traveller))
            #expect(RelayCircuit(router: router, back: passage, id: id + 1, traveller) == nil)
            return circuit
        }
    }

    @Test("What was said when the ring was full comes before what is said when there is room again, and channels wait meanwhile")
    func order() {
        let scene = Scene()
        #expect(scene.fill() == 1024)
        #expect(scene.router.isHeldUp)
        scene.passage.sendControl(2, CellCommand.created2, [7])
        #expect(!scene.append(2, 8))
        scene.flush()
        #expect(scene.taken(600).count == 600)
        scene.router.isHeldUp = false
        #expect(scene.append(2, 9))
        #expect(!scene.router.isHeldUp)
        scene.flush()
        #expect(scene.taken().suffix(2).map(\.mark) == [7, 9])
    }

    @Test("A circuit that goes on speaking when nobody listens is closed at the bound, and not in the middle of its speech")
    func bound() throws {
        let scene = Scene()
        let circuit = try scene.traveller(9)
        let limit = 1024 + 4096
        #expect((0..<limit).allSatisfy { _ in circuit.send(RelayCommand.drop, stream: 0, []) })
        #expect(!circuit.send(RelayCommand.drop, stream: 0, []) && !circuit.send(RelayCommand.drop, stream: 0, []))
        #expect(!circuit.isClosed && !circuit.hasWayOut && scene.router.isHeldUp)
        #expect(scene.passage.waitingBytes > limit * CellLayout.bodyBytes)
        scene.loop.turn(wait: false)
        #expect(circuit.isClosed && scene.router.circuitCount == 0)
        #expect(scene.router.statistics.queuesOverfilled == 1)
        var found: [(id: UInt32, command: UInt8, mark: UInt8)] = []
        for _ in 0..<6 {
            scene.flush()
            found += scene.taken()
        }
        #expect(found.count == limit + 1 && found.dropLast().allSatisfy { $0 == (9, CellCommand.relay, $0.mark) })
        #expect(found.last.map { $0 == (9, CellCommand.destroy, DestroyReason.resourceLimit.rawValue) } == true)
        #expect(scene.passage.waitingBytes == 0)
    }

    @Test("CREATED crosses once: a neighbour that says it again loses the circuit")
    func createdTwice() {
        let scene = Scene()
        let leg = FarLeg(router: scene.router, passage: scene.passage, id: 5)
        leg.receiveCreated(CellCommand.created2, [1])
        #expect(!leg.isClosed)
        leg.receiveCreated(CellCommand.created2, [2])
        #expect(leg.isClosed && scene.router.circuitCount == 0)
        scene.flush()
        let found = scene.taken()
        #expect(found.map(\.command) == [CellCommand.created2, CellCommand.destroy])
        #expect(found.map(\.mark) == [1, DestroyReason.protocolViolation.rawValue])
    }

    @Test("Connections for a loop that does not look are bounded: a further one is closed")
    func arrivals() throws {
        let loops = RelayLoops(count: 2, main: Mailbox(), handshakeThreads: 1)
        let address = try #require(SocketAddress("127.0.0.1:1"))
        for _ in 0..<RelayLoops.arrivingLimit { loops.hand(-1, address, transport: nil, to: 1) }
        let (near, far) = try #require(Sockets.pair())
        defer { close(near) }
        loops.hand(far, address, transport: nil, to: 1)
        var byte: UInt8 = 0
        #expect(read(near, &byte, 1) == 0)
    }
}
