import Ambience
import Coordination
import Foundation
import FreePorts
import Leasing
import Providers
import Testing

/// A real cloud in a folder of its own: the built programs, real processes. Whatever happens, nothing of it is left running.
final class LiveCloud {
    let scratch = Scratch()
    private var coordinator: Int32?
    private let socks: UInt16
    /// Every process ever seen, by key: each is one start.
    private(set) var seen: [MoteKey: Set<Int32>] = [:]

    static let programs = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    static var dustcloud: String { programs.appendingPathComponent("dustcloud").path }

    init() throws {
        // Not from where motes draw theirs: it is used only when some of them are up.
        socks = try #require(FreePorts.next())
    }

    deinit {
        killCoordinator()
        for pid in (try? look())?.values.flatMap(\.instances) ?? [] { kill(Int32(pid)!, SIGKILL) }
        for role in Pillar.Role.allCases { Pillar(role, state: scratch.folder.path).kill() }
    }

    var store: Store { get throws { try Store(scratch.folder) } }

    func start(_ extra: [String]) throws {
        let words = ["dustcloud", "up", "--state", scratch.path, "--socks", "127.0.0.1:\(socks)"] + extra
        coordinator = try ChildProcess.detach(program: Self.dustcloud, arguments: words, log: scratch.folder.coordinatorLog)
    }

    /// Collects the coordinator if it has ended.
    var isCoordinated: Bool {
        if let pid = coordinator, waitpid(pid, nil, WNOHANG) != 0 { coordinator = nil }
        return coordinator != nil
    }

    func killCoordinator() {
        guard let pid = coordinator else { return }
        kill(pid, SIGKILL)
        waitpid(pid, nil, 0)
        coordinator = nil
    }

    /// Runs another command on this cloud.
    func command(_ words: [String]) async throws -> Answer { try await Self.run(words + ["--state", scratch.path]) }

    struct Answer {
        let status: Int32
        let output: String
    }

    /// Runs a command to its end.
    static func run(_ words: [String]) async throws -> Answer {
        let log = FileManager.default.temporaryDirectory.appendingPathComponent("dustcloud-output-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: log) }
        let pid = try ChildProcess.detach(program: dustcloud, arguments: ["dustcloud"] + words, log: log)
        var status: Int32 = 0
        while waitpid(pid, &status, WNOHANG) == 0 { try await Task.sleep(for: .milliseconds(20)) }
        return Answer(status: status & 0x7F == 0 ? status >> 8 & 0xFF : -status, output: try Files.readText(log))
    }

    /// What is really there. Two processes of one key are an issue at once.
    func look() throws -> [MoteKey: Sighting] {
        guard let network = try store.settings()?.network else { return [:] }
        let sightings = try LocalProvider(root: scratch.folder.motes, program: "", plan: network).observe()
        for (key, sighting) in sightings where sighting.isAlive {
            seen[key, default: []].formUnion(sighting.instances.compactMap { Int32($0) })
            #expect(sighting.instances.count == 1, "mote \(key) runs \(sighting.instances.count) times")
        }
        return sightings
    }

    /// Looks every 50 ms until the condition holds.
    func wait(seconds: Double, until holds: () throws -> Bool) async throws -> Bool {
        let end = Date().addingTimeInterval(seconds)
        while Date() < end {
            if try holds() { return true }
            try await Task.sleep(for: .milliseconds(50))
        }
        return try holds()
    }

    /// Whether the processes are exactly those of the motes that should have one.
    func isSettled() throws -> Bool {
        let alive = try store.ledger().alive
        let expected = Set(alive.filter { !["intended", "terminating"].contains($0.state.name) }.map(\.key))
        let ending = Set(alive.filter { $0.state.name == "terminating" }.map(\.key))
        let running = Set(try look().filter { $0.value.isAlive }.keys)
        return expected == running.subtracting(ending) && alive.allSatisfy { $0.state.name != "intended" }
    }

    func count(_ state: String) throws -> Int { try store.ledger().alive.count { $0.state.name == state } }

    var log: String { (try? Files.readText(scratch.folder.coordinatorLog)) ?? "" }
}
