package import Leasing
internal import Ambience
internal import Foundation
internal import Glibc

/// The files of one node: its torrc, its DataDirectory and its log.
package struct NodeFolder: Sendable {
    package let path: String

    package init(_ path: String) { self.path = path }

    package var torrc: String { path + "/torrc" }
    package var data: String { path + "/data" }
    package var log: String { path + "/log" }
    package var exists: Bool { Files.exists(path) }

    /// Where the torrc says that it relays, such as `127.0.0.1:20001`.
    package var place: String? {
        guard let text = try? Files.readText(torrc) else { return nil }
        return text.split(separator: "\n").first { $0.hasPrefix("ORPort ") }.map { String($0.dropFirst("ORPort ".count)) }
    }

    /// The last words of the log, for a person who wants to know why it ended.
    package func lastWords(lines: Int = 3) -> String {
        guard let text = try? Files.readText(log) else { return "" }
        return text.split(separator: "\n").suffix(lines).joined(separator: "\n")
    }

    /// What the node says of itself, if the process that wrote it is `pid`. A missing, half-written or odd file says nothing, nor does one
    /// that is older than `seconds`.
    package func report(by pid: Int32, within seconds: Int = .max) -> MoteReport? {
        var facts = stat()
        guard stat(data + "/mote-status", &facts) == 0, time(nil) - facts.st_mtim.tv_sec <= seconds, let bytes = try? Files.read(data + "/mote-status"), bytes.count <= Self.reportLimitBytes,
            let object = try? JSONSerialization.jsonObject(with: Data(bytes)), let fields = object as? [String: Any],
            (fields["pid"] as? NSNumber)?.int32Value == pid
        else { return nil }
        func number(_ names: String...) -> Int64 { names.lazy.compactMap { fields[$0] as? NSNumber }.first?.int64Value ?? 0 }
        return MoteReport(
            bootstrapped: Int(clamping: number("bootstrapped")), isDraining: (fields["draining"] as? NSNumber)?.boolValue ?? false,
            circuits: Int(clamping: number("circuits")), streams: Int(clamping: number("streams")), bytesRead: number("bytesRead"),
            bytesWritten: number("bytesWritten"))
    }

    /// Keeps a report that came another way where `report(by:)` finds it. Whether that is durable matters to nobody.
    func note(_ report: MoteReport, of pid: Int32) {
        let fields: [String: Any] = [
            "pid": Int(pid), "bootstrapped": report.bootstrapped, "draining": report.isDraining, "circuits": report.circuits, "streams": report.streams,
            "bytesRead": report.bytesRead, "bytesWritten": report.bytesWritten,
        ]
        guard let bytes = try? JSONSerialization.data(withJSONObject: fields), (try? Files.makeFolder(data)) != nil else { return }
        try? bytes.write(to: URL(fileURLWithPath: data + "/mote-status"), options: .atomic)
    }

    /// The processes that run from this torrc, by looking.
    var pids: [Int32] { ProcessTable.pids(of: torrc) }

    func signal(_ numbers: [Int32]) {
        for pid in pids { for number in numbers { ProcessTable.signal(number, pid: pid, name: torrc) } }
    }

    package func make() throws(ProviderError) {
        do throws(FileError) {
            try Files.makeFolder(path)
            try Files.makeFolder(data)
        } catch { throw ProviderError("\(error)") }
    }

    /// Writes the torrc and starts the node as a process of its own, in our namespaces or in others.
    package func start(program: String, torrc text: String, in spaces: Namespaces? = nil) throws(ProviderError) {
        try make()
        do throws(FileError) { try Files.replace(torrc, with: text) } catch { throw ProviderError("\(error)") }
        var settings = LaunchSettings()
        settings.spaces = spaces
        settings.isPowerless = spaces != nil
        _ = try ChildProcess.detach(program: program, arguments: ProcessTable.commandLine(torrc: torrc), log: log, settings: settings)
    }

    package func erase() throws(ProviderError) {
        do { try FileManager.default.removeItem(atPath: path) } catch CocoaError.fileNoSuchFile { return } catch {
            throw ProviderError("cannot remove \(path): \(error)")
        }
    }

    static let reportLimitBytes = 64 << 10
}
