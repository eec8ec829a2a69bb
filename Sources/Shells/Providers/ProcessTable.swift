internal import CLinux
internal import Glibc
internal import Ambience

/// Our nodes among the machine's processes. A node is known by its whole command line, which names its torrc; a pid alone proves nothing.
struct ProcessTable {
    /// The first word of a node's command line, whatever its program file is called.
    static let programName = "mote"
    /// Entries of `/proc` that are looked at.
    private static let scanLimit = 100_000

    /// Pids by torrc path, ascending.
    let nodes: [String: [Int32]]

    /// Looks at every process whose torrc lies below `folder`. A zombie has no command line and is none.
    init(nodesBelow folder: String) {
        var nodes: [String: [Int32]] = [:]
        for pid in Self.pids() {
            if let torrc = Self.torrc(of: pid), torrc.hasPrefix(folder + "/") { nodes[torrc, default: []].append(pid) }
        }
        self.nodes = nodes.mapValues { $0.sorted() }
    }

    static func commandLine(torrc: String) -> [String] { [programName, "-f", torrc] }

    /// Sends a signal to the process only while it is the node of this torrc: the handle pins the process before it is looked at.
    static func signal(_ number: Int32, pid: Int32, torrc: String) {
        let handle = pidfd_open(pid, 0)
        guard handle >= 0 else { return }
        defer { close(handle) }
        if Self.torrc(of: pid) == torrc { pidfd_send_signal(handle, number, nil, 0) }
    }

    private static func pids() -> [Int32] {
        ((try? Files.list("/proc")) ?? []).prefix(scanLimit).compactMap { Int32($0) }
    }

    private static func torrc(of pid: Int32) -> String? {
        guard let bytes = try? Files.read("/proc/\(pid)/cmdline"), !bytes.isEmpty else { return nil }
        let words = bytes.split(separator: 0, omittingEmptySubsequences: false).dropLast().map { String(decoding: $0, as: UTF8.self) }
        guard words.count == 3, words[0] == programName, words[1] == "-f" else { return nil }
        return words[2]
    }
}
