internal import Ambience
internal import Client
internal import Logging

/// `DataDirectory/mote-status`: what a coordinator wants to know of a running node, as one JSON object, replaced as a whole.
final class StatusFile {
    private let path: String
    private let log = Logger(label: "status")
    private var last = ""
    private var hasFailed = false

    init(path: String) { self.path = path }

    /// Writes when something is different from last time.
    func write(_ status: JSONText) {
        let text = status.encoded + "\n"
        guard text != last else { return }
        do throws(FileError) {
            try Files.replace(path, with: text)
            last = text
            hasFailed = false
        } catch {
            if !hasFailed { log.warning("Cannot write the status: \(error)") }
            hasFailed = true
        }
    }

    /// The client's circuits: whose relays, how busy, and when the first of them ends.
    static func circuits(_ snapshot: ClientSnapshot) -> JSONText {
        .list(snapshot.circuits.map { circuit in
            .object([
                ("id", .number(Int64(circuit.id))),
                ("state", .text(circuit.state.rawValue)),
                ("path", .list(circuit.path.map { .object([("nickname", .text($0.nickname)), ("fingerprint", .text($0.fingerprint))]) })),
                ("streams", .number(Int64(circuit.streams))),
                ("isClean", .bool(circuit.isClean)),
                ("isLongLived", .bool(circuit.isLongLived)),
                ("firstEnd", circuit.firstEnd.map { .text($0.rfc3339) } ?? .null),
            ])
        })
    }

    func remove() { try? Files.remove(path) }
}
