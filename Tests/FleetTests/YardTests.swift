import Ambience
import Foundation
import FreePorts
import Providers
import Testing

/// A yard in a folder of its own. Whatever happens, nothing of it is left.
private final class Scratch {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("dustcloud-yard-\(UUID().uuidString)").path
    let socks: UInt16
    let isHostReachable: Bool

    init(isHostReachable: Bool = false) throws {
        (socks, self.isHostReachable) = (try #require(FreePorts.next()), isHostReachable)
        try Files.makeFolder(path)
    }

    deinit {
        let yard = yard
        Self.wait { (try? yard.end()) == true }
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Looks again and again; the bound is for what never happens.
    @discardableResult
    static func wait(until holds: () throws -> Bool) rethrows -> Bool {
        for _ in 0..<1200 {
            if try holds() { return true }
            usleep(50_000)
        }
        return false
    }

    /// As a coordinator that has just started has it.
    var yard: Yard {
        let plan = NetworkPlan(
            authorityORPort: 1, authorityDirPort: 1, authorityIdentity: "A", authorityFingerprint: "B", votingIntervalSeconds: 10,
            isExitToPrivateAllowed: isHostReachable, socks: "127.0.0.1:\(socks)", streamLifeSeconds: 60, address: YardNumber.bridge.address,
            isInYard: true)
        return Yard(folder: path + "/yard", plan: plan)
    }

    func standing() throws -> Yard {
        let yard = yard
        try #require(try Self.wait { try yard.hold() }, "the yard does not stand")
        return yard
    }

    /// Runs a program in the yard, or outside, until it ends.
    func run(_ words: [String], in yard: Yard? = nil) throws -> (status: Int32, output: String) {
        let log = path + "/output-\(UUID().uuidString)"
        var status: Int32 = 0
        let pid = try start(words, in: yard, log: log)
        waitpid(pid, &status, 0)
        return (status, (try? Files.readText(log)) ?? "")
    }

    func start(_ words: [String], in yard: Yard? = nil, log: String) throws -> Int32 {
        var settings = LaunchSettings()
        settings.spaces = yard?.spaces
        settings.isPowerless = yard != nil
        return try ChildProcess.detach(program: "/usr/bin/\(words[0])", arguments: words, log: log, settings: settings)
    }

    /// Serves one file with the word in it, until the test ends it.
    func serve(_ word: String, at address: String, _ port: UInt16, in yard: Yard? = nil) throws -> Int32 {
        let folder = path + "/\(word)"
        try Files.makeFolder(folder)
        try Files.replace(folder + "/word", with: word)
        return try start(["python3", "-m", "http.server", "--directory", folder, "--bind", address, "\(port)"], in: yard, log: path + "/\(word).log")
    }

    /// What is served there, as soon as it is.
    func fetch(_ address: String, _ port: UInt16, in yard: Yard? = nil, tries: Int = 60) throws -> String? {
        let answer = try run(
            ["curl", "--silent", "--noproxy", "*", "--max-time", "30", "--retry", "\(tries)", "--retry-delay", "1", "--retry-connrefused", "http://\(address):\(port)/word"], in: yard)
        return answer.status == 0 ? answer.output : nil
    }
}

@Suite(.serialized, .enabled(if: (try? MachineHost.check()) != nil, "this machine cannot hold a yard: see 'dustcloud up --provider vm'")) struct YardTests {
    @Test("Two programs in the yard reach each other, one from outside reaches the forwarded port, and a new coordinator finds the same yard")
    func reach() throws {
        let scratch = try Scratch()
        let yard = try scratch.standing()
        let server = try scratch.serve("inside", at: YardNumber.bridge.address, 9150, in: yard)
        defer { end(server) }
        #expect(try scratch.fetch(YardNumber.bridge.address, 9150, in: yard) == "inside")
        #expect(try scratch.fetch("127.0.0.1", scratch.socks) == "inside")
        let processes = yard.processes
        #expect(processes.count == 2)
        let again = try scratch.standing()
        #expect(again.processes == processes)
        #expect(try scratch.fetch(YardNumber.bridge.address, 9150, in: again) == "inside")
    }

    @Test("This machine's loopback is behind the gateway only if exits may go there", arguments: [false, true])
    func loopback(isAllowed: Bool) throws {
        let scratch = try Scratch(isHostReachable: isAllowed)
        let yard = try scratch.standing()
        let port = try #require(FreePorts.next())
        let server = try scratch.serve("outside", at: "127.0.0.1", port)
        defer { end(server) }
        try #require(try scratch.fetch("127.0.0.1", port) == "outside")
        // From a program on the bridge, as motes are.
        #expect(try scratch.fetch(YardNumber.gateway.address, port, in: yard, tries: isAllowed ? 60 : 0) == (isAllowed ? "outside" : nil))
    }

    @Test("The yard stands again when its uplink or its holder is killed, and ends without a trace")
    func fall() throws {
        let scratch = try Scratch()
        for index in [1, 0] {
            let yard = try scratch.standing()
            let pid = yard.processes[index]
            kill(pid, SIGKILL)
            waitpid(pid, nil, 0)
            let again = try scratch.standing()
            #expect(again.processes.count == 2 && !again.processes.contains(pid))
        }
        let yard = try scratch.standing()
        #expect(try Scratch.wait { try yard.end() })
        #expect(yard.processes.isEmpty)
        #expect(!Files.exists(yard.folder))
        #expect(LoopbackPorts.isFree(SocketAddress(ip: .v4(0x7F00_0001), port: scratch.socks)))
    }

    private func end(_ pid: Int32) {
        kill(pid, SIGKILL)
        waitpid(pid, nil, 0)
    }
}
