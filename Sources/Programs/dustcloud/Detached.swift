internal import Ambience
internal import Coordination
internal import Glibc
internal import Leasing
internal import Providers

/// `up --detach`: the same command as a process of its own, watched until the client is ready.
enum Detached {
    private static let pollMilliseconds = 250
    private static let patienceSeconds: Int64 = 300

    /// `isAgreed`: somebody said yes to what it costs.
    static func up(_ folder: StateFolder, isAgreed: Bool) throws {
        if let pid = StateLock.holder(folder) { throw CoordinationError(.busy, "another coordinator (pid \(pid)) is at work on \(folder.path)") }
        let words = CommandLine.arguments.dropFirst().filter { $0 != "--detach" && $0 != "--yes" } + (isAgreed ? ["--yes"] : [])
        let start = SystemTime().now
        var told = (try? Files.read(folder.coordinatorLog).count) ?? 0
        let pid = try ChildProcess.detach(program: try NodeProgram.own(), arguments: ["dustcloud"] + words, log: folder.coordinatorLog)
        var patience = Patience()
        while SystemTime().now - start < .seconds(patienceSeconds) {
            told = pass(folder.coordinatorLog, from: told)
            ChildProcess.reap()
            guard kill(pid, 0) == 0 else { throw CoordinationError(.unavailable, "the coordinator ended; its words are in \(folder.coordinatorLog)") }
            if StateLock.holder(folder) == pid, try isReady(folder) {
                Terminal.report("the coordinator (pid \(pid)) goes on by itself; it tells what happens in \(folder.coordinatorLog)")
                return
            }
            if patience.wait(milliseconds: pollMilliseconds) { return Terminal.report("the coordinator (pid \(pid)) goes on by itself") }
        }
        throw CoordinationError(.unavailable, "the client is not ready after \(patienceSeconds) s; the coordinator (pid \(pid)) keeps trying")
    }

    private static func isReady(_ folder: StateFolder) throws -> Bool {
        guard Files.exists(folder.database) else { return false }
        return try CloudStatus(folder: folder, store: try Store(folder), now: SystemTime().wall).client.report?.isReady == true
    }

    /// Repeats what the coordinator said since; how much that is in all.
    private static func pass(_ log: String, from told: Int) -> Int {
        guard let bytes = try? Files.read(log), bytes.count > told, let end = bytes.lastIndex(of: 0x0A), end >= told else { return told }
        Terminal.say(String(decoding: bytes[told..<end], as: UTF8.self))
        return end + 1
    }
}
