internal import Ambience

/// Stock tor's `state` file, `Key Value` a line: single keys are read and replaced, other lines stay as they are.
struct StateFile {
    let path: String

    func time(_ key: String) -> WallTime? { value(key).flatMap { WallTime($0) } }

    func value(_ key: String) -> String? {
        lines.first { $0.hasPrefix(key + " ") }.map { String($0.dropFirst(key.utf8.count + 1)) }
    }

    func set(_ key: String, _ value: String) throws(NodeFailure) { try set([(key, value)]) }

    /// All at once: after a crash either all of them are there or none. A key without a value goes.
    func set(_ pairs: [(key: String, value: String?)]) throws(NodeFailure) {
        let kept = lines.filter { line in !pairs.contains { line.hasPrefix($0.key + " ") } } + pairs.compactMap { pair in pair.value.map { "\(pair.key) \($0)" } }
        do throws(FileError) { try Files.replace(path, with: kept.joined(separator: "\n") + "\n") } catch { throw NodeFailure(error) }
    }

    private var lines: [String] {
        guard let text = try? Files.readText(path) else { return [] }
        return text.split(separator: "\n").map(String.init)
    }
}
