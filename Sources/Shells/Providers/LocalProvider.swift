internal import Ambience
internal import Glibc
package import Leasing

/// One process per mote on this machine: its own folder, its own port on loopback. Motes outlive the coordinator and end by their own timer.
package final class LocalProvider: MoteProvider {
    /// Holds one folder per mote, named by its key.
    private let root: String
    private let program: String
    private let torrcs: Torrcs
    private let wallet: WalletPlace

    /// `program` is the node's executable.
    package init(root: String, program: String, plan: NetworkPlan) {
        self.root = root
        self.program = program
        torrcs = Torrcs(plan)
        wallet = WalletPlace(state: root.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/"))
    }

    package func folder(_ key: MoteKey) -> NodeFolder { NodeFolder("\(root)/\(key)") }

    /// Where the keys of a mote's mail are: in memory, so that they are nowhere else. `nil` on a machine that has no such place.
    package func mailKeys(_ key: MoteKey) -> NodeFolder? {
        Self.hasMemory ? NodeFolder("\(Self.memory)/dustcloud-\(key)") : nil
    }

    private static let memory = "/dev/shm"
    /// By the line that proc(5) has for it: place and kind are the second and third words.
    private static let hasMemory = ((try? Files.readText("/proc/self/mounts")) ?? "").split(separator: "\n").contains { line in
        line.split(separator: " ").dropFirst().prefix(2) == [memory[...], "tmpfs"]
    }

    package func observe() throws(ProviderError) -> [MoteKey: Sighting] {
        // Processes first: one that ends in between is still seen with its folder, and a folder alone is never taken for a process.
        let table = ProcessTable(namesBeginning: root + "/")
        var sightings: [MoteKey: Sighting] = [:]
        for key in keys(table) {
            let folder = folder(key)
            let pids = table.pids[folder.torrc] ?? []
            sightings[key] = Sighting(
                instances: pids.map(String.init), hasFolder: folder.exists, place: folder.place, report: pids.first.flatMap { folder.report(by: $0) })
        }
        return sightings
    }

    package func start(_ lease: Lease, attempt: Int) throws(ProviderError) {
        let folder = folder(lease.key)
        guard folder.pids.isEmpty else { return }
        var random = SystemRandomNumberGenerator()
        guard let port = LoopbackPorts.free(besides: takenPorts(), random: &random) else { throw ProviderError("no free port on loopback") }
        let torrc = torrcs.mote(lease, attempt: attempt, port: port, in: folder, wallet: wallet.exists ? wallet : nil, mailKeys: mailKeys(lease.key))
        try folder.start(program: program, torrc: torrc)
    }

    package func drain(_ key: MoteKey) { signal([NodeSignal.drain], key) }
    package func stop(_ key: MoteKey) { signal(NodeSignal.stop, key) }
    package func kill(_ key: MoteKey) { signal([SIGKILL], key) }

    package func erase(_ key: MoteKey) throws(ProviderError) {
        let folder = folder(key)
        guard folder.pids.isEmpty else { throw ProviderError("mote \(key) still runs") }
        try mailKeys(key)?.erase()
        try folder.erase()
    }

    private func signal(_ numbers: [Int32], _ key: MoteKey) { folder(key).signal(numbers) }

    private func keys(_ table: ProcessTable) -> Set<MoteKey> {
        let folders = ((try? Files.list(root)) ?? []).compactMap { MoteKey($0) }
        let processes = table.pids.keys.compactMap { MoteKey($0.dropFirst(root.count + 1).prefix { $0 != "/" }) }
        return Set(folders).union(processes)
    }

    private func takenPorts() -> Set<UInt16> {
        Set(((try? Files.list(root)) ?? []).compactMap { NodeFolder("\(root)/\($0)").place.flatMap { SocketAddress($0)?.port } })
    }
}

/// What a node takes a signal for.
enum NodeSignal {
    /// Takes no new circuits and ends once those it has are finished, at the latest after `ShutdownWaitLength`.
    static let drain = SIGTERM
    /// Whoever is asked twice ends at once. Two numbers, because two of one number may arrive as one.
    static let stop = [SIGTERM, SIGINT]
}
