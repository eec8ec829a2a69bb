internal import Foundation

/// A virtual machine's monitor: QEMU's machine protocol (qemu-qmp-ref(7)), one command per connection. QEMU is told to spawn nothing and
/// writes only what we ask for, but its answers are read as anybody's: within a bound, and what is no answer says nothing.
struct MonitorLine {
    private static let patienceSeconds = 1
    private static let answerLimitBytes = 1 << 16
    static let socketName = "monitor"

    let folder: String

    /// Whether the machine's processors run: `nil` if it does not say.
    func isRunning() -> Bool? {
        guard let status = ask("query-status")?["status"] as? String else { return nil }
        return ["running", "prelaunch", "inmigrate"].contains(status)
    }

    /// Asks QEMU to end at once. False if nobody heard.
    @discardableResult
    func quit() -> Bool { ask("quit") != nil }

    private func ask(_ command: String) -> [String: Any]? {
        guard let line = LocalSocket(folder: folder, name: Self.socketName, patienceSeconds: Self.patienceSeconds) else { return nil }
        var pending: [UInt8] = []
        guard Self.next(line, &pending) { $0["QMP"] != nil } != nil, line.send(Self.request("qmp_capabilities")),
            Self.next(line, &pending, where: { $0["return"] != nil }) != nil, line.send(Self.request(command))
        else { return nil }
        let answer = Self.next(line, &pending) { $0["return"] != nil || $0["error"] != nil }
        return answer?["return"] as? [String: Any]
    }

    private static func request(_ command: String) -> [UInt8] { Array(#"{"execute": "\#(command)"}"#.utf8) + [0x0A] }

    /// The next object that fits; events in between are passed over.
    private static func next(_ line: borrowing LocalSocket, _ pending: inout [UInt8], where fits: ([String: Any]) -> Bool) -> [String: Any]? {
        while true {
            while let end = pending.firstIndex(of: 0x0A) {
                let object = try? JSONSerialization.jsonObject(with: Data(pending[..<end])) as? [String: Any]
                pending.removeSubrange(...end)
                if let object, fits(object) { return object }
            }
            guard pending.count <= answerLimitBytes, let more = line.receive() else { return nil }
            pending += more
        }
    }
}
