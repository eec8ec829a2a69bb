import Ambience
import Loops
import Onion
import Testing

@testable import Relaying

@Suite("Names and doors at the exit")
struct ExitNameTests {
    private func scene(_ names: StubNames, _ change: (inout RouterSettings) -> Void = { _ in }) throws -> CircuitDutyTests.Scene {
        var settings = RouterSettings()
        settings.resolver.resolvConf = names.resolvConf
        change(&settings)
        return try CircuitDutyTests.Scene.authenticated(settings: settings)
    }

    private func answers(_ scene: CircuitDutyTests.Scene, _ id: UInt16) -> [ResolvedAnswer]? {
        scene.circuit.messages.first { $0.stream == id }.flatMap { try? ResolvedMessage($0.data).answers }
    }

    @Test("many who want the same name cost one question, however it is written, and those who come later none")
    func sharing() throws {
        let names = try StubNames()
        defer { names.close() }
        let scene = try scene(names)
        for id in 1...5 { scene.circuit.send(RelayCommand.resolve, stream: UInt16(id), ResolveMessage(name: id == 3 ? "LocalHost" : "localhost").encoded) }
        #expect(scene.network.wait { scene.circuit.count(RelayCommand.resolved) == 5 })
        scene.circuit.send(RelayCommand.resolve, stream: 6, ResolveMessage(name: "localhost").encoded)
        #expect(scene.network.wait { scene.circuit.count(RelayCommand.resolved) == 6 })
        #expect((1...6).allSatisfy { answers(scene, $0) == [.address(.v4(0x7F00_0001), ttlSeconds: 60)] })
        #expect(names.count("localhost") == 1)
    }

    @Test("a name that cannot be is never asked for, unless the operator wants it")
    func odd() throws {
        let names = try StubNames()
        defer { names.close() }
        for isAllowed in [false, true] {
            let scene = try scene(names) { $0.areOddNamesAllowed = isAllowed }
            scene.circuit.send(RelayCommand.resolve, stream: 1, ResolveMessage(name: "localhost!x").encoded)
            #expect(scene.network.wait { scene.circuit.count(RelayCommand.resolved) == 1 })
            #expect(answers(scene, 1) == (isAllowed ? [.address(.v4(0x7F00_0001), ttlSeconds: 60)] : [.permanentError]))
            #expect(names.count("localhost!x") == (isAllowed ? 1 : 0))
        }
    }

    @Test("an answer with the hijacker's address means that there is no such name")
    func hijacked() throws {
        let names = try StubNames()
        defer { names.close() }
        let scene = try scene(names)
        for _ in 0..<12 { scene.relay.settings.nameWatch.note(probe: [.v4(0x7F00_0001)]) }
        scene.circuit.send(RelayCommand.resolve, stream: 1, ResolveMessage(name: "localhost").encoded)
        #expect(scene.network.wait { scene.circuit.count(RelayCommand.resolved) == 1 })
        #expect(answers(scene, 1) == [.permanentError])
    }

    @Test("a stream that leads back into the network is refused")
    func reentry() throws {
        let names = try StubNames()
        defer { names.close() }
        let scene = try scene(names)
        scene.relay.policy.isReentry = { $1 == 9001 }
        scene.circuit.send(RelayCommand.begin, stream: 1, BeginMessage(host: "127.0.0.1", port: 9001, flags: 0).encoded)
        #expect(scene.network.wait { scene.circuit.count(RelayCommand.end) == 1 })
        #expect(scene.circuit.messages.last?.data == [EndReason.connectionRefused.rawValue])
    }

    @Test("a circuit has only so many streams that are being connected, and gets its places back")
    func connecting() throws {
        let names = try StubNames()
        defer { names.close() }
        let scene = try scene(names) { $0.connectingPerCircuitLimit = 2 }
        func begin(_ id: UInt16, _ host: String) { scene.circuit.send(RelayCommand.begin, stream: id, BeginMessage(host: host, port: 1, flags: 0).encoded) }
        for id in 1...3 { begin(UInt16(id), "silent\(id)") }
        #expect(scene.network.wait { scene.circuit.count(RelayCommand.end) == 1 })
        #expect(scene.circuit.messages.last?.stream == 3 && scene.circuit.messages.last?.data == [EndReason.resourceLimit.rawValue])
        for id in 1...2 { scene.circuit.send(RelayCommand.end, stream: UInt16(id), EndMessage(reason: .done).encoded) }
        begin(4, "127.0.0.1")
        #expect(scene.network.wait { scene.circuit.count(RelayCommand.end) == 2 })
        #expect(scene.circuit.messages.last?.data == [EndReason.connectionRefused.rawValue])
    }
}
