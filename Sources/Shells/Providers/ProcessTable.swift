internal import CLinux
internal import Glibc
internal import Ambience

/// Our programs among the machine's processes. Each is known by its command line, which names a file or folder of ours; a pid alone proves
/// nothing. A node's name is its torrc; any other program of ours has as first word what it is and its folder: `mote-vm:/state/motes/…`.
struct ProcessTable {
    /// The first word of a node's command line, whatever its program file is called.
    static let programName = "mote"
    /// Entries of `/proc` that are looked at.
    private static let scanLimit = 100_000

    /// Pids by name, ascending.
    let pids: [String: [Int32]]

    /// Looks at every process. Takes those whose name begins so. A zombie has no command line and is none.
    init(namesBeginning prefix: String) {
        var pids: [String: [Int32]] = [:]
        for pid in Self.all() {
            if let name = Self.name(of: pid), name.hasPrefix(prefix) { pids[name, default: []].append(pid) }
        }
        self.pids = pids.mapValues { $0.sorted() }
    }

    /// The processes of one name.
    static func pids(of name: String) -> [Int32] { ProcessTable(namesBeginning: name).pids[name] ?? [] }

    static func commandLine(torrc: String) -> [String] { [programName, "-f", torrc] }

    /// Sends a signal to the process only while it has this name: the handle pins the process before it is looked at.
    static func signal(_ number: Int32, pid: Int32, name: String) {
        let handle = pidfd_open(pid, 0)
        guard handle >= 0 else { return }
        defer { close(handle) }
        if Self.name(of: pid) == name { pidfd_send_signal(handle, number, nil, 0) }
    }

    private static func all() -> [Int32] {
        ((try? Files.list("/proc")) ?? []).prefix(scanLimit).compactMap { Int32($0) }
    }

    private static func name(of pid: Int32) -> String? {
        guard let bytes = try? Files.read("/proc/\(pid)/cmdline"), !bytes.isEmpty else { return nil }
        let words = bytes.split(separator: 0, omittingEmptySubsequences: false).dropLast().map { String(decoding: $0, as: UTF8.self) }
        guard let first = words.first else { return nil }
        if words.count == 3, first == programName, words[1] == "-f" { return words[2] }
        return first.contains(":/") ? first : nil
    }
}
