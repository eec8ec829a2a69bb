/// What GETINFO answers: keys, what they mean, and where the answer comes from (control-spec.txt 3.9).
package struct InfoTable {
    private struct Entry {
        let key: String
        let meaning: String
        let answer: (String) throws(ControlRefusal) -> String?
    }

    /// Keys asked for in one command at most.
    package static let keysLimit = 1024
    /// All values of one answer together; every descriptor of the whole network is less.
    package static let answerLimitBytes = 48 << 20

    private var exact: [String: Entry] = [:]
    private var prefixes: [Entry] = []

    package init() {}

    /// Answers one key.
    package mutating func add(_ key: String, _ meaning: String, _ answer: @escaping () throws(ControlRefusal) -> String?) {
        exact[key] = Entry(key: key, meaning: meaning) { _ throws(ControlRefusal) in try answer() }
    }

    /// Answers every key that begins with `prefix`; the closure gets the rest.
    package mutating func add(prefix: String, _ meaning: String, _ answer: @escaping (String) throws(ControlRefusal) -> String?) {
        prefixes.append(Entry(key: prefix, meaning: meaning, answer: answer))
    }

    /// The value of a key.
    ///
    /// Throws 552 for a key that nobody knows and for one that names something that is not there.
    package func answer(_ key: String) throws(ControlRefusal) -> String {
        let unknown = ControlRefusal(552, "Unrecognized key \"\(key)\"")
        if let entry = exact[key] {
            guard let value = try entry.answer("") else { throw unknown }
            return value
        }
        guard let entry = prefixes.filter({ key.hasPrefix($0.key) }).max(by: { $0.key.utf8.count < $1.key.utf8.count }),
            let value = try entry.answer(String(key.dropFirst(entry.key.count)))
        else { throw unknown }
        return value
    }

    /// The answer to a whole GETINFO: all keys, or why not.
    package func reply(to keys: [Substring]) -> ControlReply {
        guard keys.count <= Self.keysLimit else { return ControlReply(.syntax("More than \(Self.keysLimit) keys")) }
        var reply = ControlReply()
        var size = 0
        do throws(ControlRefusal) {
            for key in keys {
                let value = try answer(String(key))
                size += value.utf8.count
                guard size <= Self.answerLimitBytes else { throw ControlRefusal(551, "Too much to tell at once: ask for fewer keys") }
                reply.add(250, key: String(key), value: value)
            }
        } catch { return ControlReply(error) }
        reply.add(250, "OK")
        return reply
    }

    /// As `GETINFO info/names` lists them; a key without a meaning answers but is not listed.
    package var names: String {
        (exact.values.map { ($0.key, $0.meaning) } + prefixes.map { ("\($0.key)*", $0.meaning) }).filter { !$0.1.isEmpty }.sorted { $0.0 < $1.0 }
            .map { "\($0.0) -- \($0.1)\n" }.joined()
    }
}
