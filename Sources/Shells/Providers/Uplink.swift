internal import Ambience
internal import CLinux
internal import Foundation
internal import Glibc

/// A port of this machine that leads to one in the yard.
struct UplinkForward: Equatable {
    let outer: SocketAddress
    let inner: SocketAddress

    init?(from outer: String, to inner: String) {
        guard let outer = SocketAddress(outer), let inner = SocketAddress(inner) else { return nil }
        (self.outer, self.inner) = (outer, inner)
    }

    /// What slirp4netns calls it.
    var request: [String: Any] {
        [
            "proto": "tcp", "host_addr": "\(outer.ip)", "host_port": Int(outer.port), "guest_addr": "\(inner.ip)", "guest_port": Int(inner.port),
        ]
    }

    func isAmong(_ entries: [[String: Any]]) -> Bool {
        entries.contains {
            $0["host_port"] as? Int == Int(outer.port) && $0["guest_port"] as? Int == Int(inner.port) && $0["guest_addr"] as? String == "\(inner.ip)"
        }
    }
}

/// The yard's way out: a slirp4netns process, asked by its socket (slirp4netns(1), API socket).
struct Uplink {
    static let link = "uplink"
    private static let socketName = "uplink.sock"
    /// Its socket answers at once or never.
    private static let patienceSeconds = 2
    private static let answerLimitBytes = 1 << 16
    private static let logLimitBytes: UInt64 = 1 << 20

    let folder: String
    let isHostReachable: Bool

    var name: String { "dustcloud-uplink:\(folder)" }
    var pids: [Int32] { ProcessTable.pids(of: name) }

    /// Starts it unless it runs; `nil` while it cannot be asked yet.
    func hold(for holder: Int32) throws(ProviderError) -> Int32? {
        guard let pid = pids.first else {
            try start(for: holder)
            return nil
        }
        return Files.exists("\(folder)/\(Self.socketName)") ? pid : nil
    }

    private func start(for holder: Int32) throws(ProviderError) {
        do throws(FileError) { try Files.remove("\(folder)/\(Self.socketName)") } catch { throw ProviderError("\(error)") }
        var words = [name, "--cidr=\(YardNumber.networkText)", "--enable-sandbox", "--enable-seccomp", "--api-socket=\(Self.socketName)"]
        if !isHostReachable { words.append("--disable-host-loopback") }
        var settings = LaunchSettings()
        // A socket's path has at most 107 bytes, so it is given relative to where the program starts.
        (settings.folder, settings.fileBytes) = (folder, Self.logLimitBytes)
        _ = try ChildProcess.detach(
            program: HostProgram.slirp.path(), arguments: words + ["\(holder)", Self.link], log: "\(folder)/log", settings: settings)
    }

    func end() { for pid in pids { ProcessTable.signal(SIGKILL, pid: pid, name: name) } }

    /// Adds what is missing. False if it does not answer.
    func forward(_ forwards: [UplinkForward]) throws(ProviderError) -> Bool {
        guard let entries = ask(["execute": "list_hostfwd"])?["entries"] as? [[String: Any]] else { return false }
        for forward in forwards where !forward.isAmong(entries) {
            guard let answer = ask(["execute": "add_hostfwd", "arguments": forward.request]) else { return false }
            guard answer["error"] == nil else { throw ProviderError("\(forward.outer) cannot be listened on: is it taken?") }
        }
        return true
    }

    private func ask(_ request: [String: Any]) -> [String: Any]? {
        guard let bytes = try? JSONSerialization.data(withJSONObject: request),
            let line = LocalSocket(folder: folder, name: Self.socketName, patienceSeconds: Self.patienceSeconds)
        else { return nil }
        guard line.send([UInt8](bytes)), line.endSending(), let answer = line.receiveAll(limitBytes: Self.answerLimitBytes) else { return nil }
        return try? JSONSerialization.jsonObject(with: Data(answer)) as? [String: Any]
    }
}
