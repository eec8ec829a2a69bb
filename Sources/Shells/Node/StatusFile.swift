internal import Ambience
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

    func remove() { try? Files.remove(path) }
}
