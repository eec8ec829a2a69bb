internal import Foundation

/// A virtual machine's monitor: QEMU's machine protocol (qemu-qmp-ref(7)), one command per connection. QEMU is told to spawn nothing and
/// writes only what we ask for, but its answers are read as anybody's: within a bound, and what is no answer says nothing.
package struct MonitorLine {
    private static let patienceSeconds = 1
    private static let answerLimitBytes = 1 << 16
    static let socketName = "monitor"

    let folder: String

    /// Whether the machine's processors run: `nil` if it does not say.
    func isRunning() -> Bool? { connected { send, receive in Self.isRunning(send: send, receive: receive) } ?? nil }

    /// Asks QEMU to end at once.
    func quit() { _ = connected { send, receive in Self.ask("quit", send, receive) } }

    /// The dialogue that asks for it: `receive` gives what comes next, `nil` when nothing does any more.
    package static func isRunning(send: ([UInt8]) -> Bool, receive: () -> [UInt8]?) -> Bool? {
        guard let status = ask("query-status", send, receive)?["status"] as? String else { return nil }
        return ["running", "prelaunch", "inmigrate"].contains(status)
    }

    private func connected<T>(_ body: (([UInt8]) -> Bool, () -> [UInt8]?) -> T) -> T? {
        guard let line = LocalSocket(folder: folder, name: Self.socketName, patienceSeconds: Self.patienceSeconds) else { return nil }
        return body({ line.send($0) }, { line.receive() })
    }

    private static func ask(_ command: String, _ send: ([UInt8]) -> Bool, _ receive: () -> [UInt8]?) -> [String: Any]? {
        var pending: [UInt8] = []
        guard next(&pending, receive, where: { $0["QMP"] != nil }) != nil, send(request("qmp_capabilities")),
            next(&pending, receive, where: { $0["return"] != nil }) != nil, send(request(command))
        else { return nil }
        return next(&pending, receive) { $0["return"] != nil || $0["error"] != nil }?["return"] as? [String: Any]
    }

    private static func request(_ command: String) -> [UInt8] { Array(#"{"execute": "\#(command)"}"#.utf8) + [0x0A] }

    /// The next object that fits; events in between are passed over, and so is what is no object.
    private static func next(_ pending: inout [UInt8], _ receive: () -> [UInt8]?, where fits: ([String: Any]) -> Bool) -> [String: Any]? {
        while true {
            while let end = pending.firstIndex(of: 0x0A) {
                let object = try? JSONSerialization.jsonObject(with: Data(pending[..<end])) as? [String: Any]
                pending.removeSubrange(...end)
                if let object, fits(object) { return object }
            }
            guard pending.count <= answerLimitBytes, let more = receive() else { return nil }
            pending += more
        }
    }
}
