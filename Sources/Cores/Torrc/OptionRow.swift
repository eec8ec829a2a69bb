internal import Ambience

/// How one option is read into the configuration.
struct OptionRow: Sendable {
    let name: String
    /// Every line counts, not only the last.
    var isList = false
    /// Only allowed with TestingTorNetwork.
    var isTestingOnly = false
    /// Not known to stock tor.
    var isOurs = false
    let apply: @Sendable (inout NodeConfiguration, String) throws(ValueError) -> Void

    typealias Path<Value> = WritableKeyPath<NodeConfiguration, Value> & Sendable

    static func flag(_ name: String, _ path: any Path<Bool>, testing: Bool = false) -> OptionRow {
        OptionRow(name: name, isTestingOnly: testing) { configuration, text throws(ValueError) in configuration[keyPath: path] = try Self.flag(text) }
    }

    static func choice(_ name: String, _ path: any Path<Choice>) -> OptionRow {
        OptionRow(name: name) { configuration, text throws(ValueError) in
            guard text.lowercased() != "auto" else { return configuration[keyPath: path] = .automatic }
            guard text == "0" || text == "1" else { throw ValueError("0, 1 or auto") }
            configuration[keyPath: path] = text == "1" ? .yes : .no
        }
    }

    static func count(_ name: String, _ path: any Path<Int>, _ range: ClosedRange<Int>, testing: Bool = false) -> OptionRow {
        OptionRow(name: name, isTestingOnly: testing) { configuration, text throws(ValueError) in
            guard let value = Int(text), range.contains(value) else { throw ValueError("a whole number from \(range.lowerBound) to \(range.upperBound)") }
            configuration[keyPath: path] = value
        }
    }

    static func span(_ name: String, _ path: any Path<Instant.Span>, testing: Bool = false) -> OptionRow {
        OptionRow(name: name, isTestingOnly: testing) { configuration, text throws(ValueError) in configuration[keyPath: path] = try Units.span(text) }
    }

    static func bytes(_ name: String, _ path: any Path<UInt64>, testing: Bool = false) -> OptionRow {
        OptionRow(name: name, isTestingOnly: testing) { configuration, text throws(ValueError) in configuration[keyPath: path] = try Units.bytes(text) }
    }

    static func text(_ name: String, _ path: any Path<String?>) -> OptionRow {
        OptionRow(name: name) { configuration, text throws(ValueError) in configuration[keyPath: path] = text }
    }

    /// Words separated by commas; lines add up.
    static func words(_ name: String, _ path: any Path<[String]>) -> OptionRow {
        OptionRow(name: name, isList: true) { configuration, text throws(ValueError) in configuration[keyPath: path] += Self.items(text) }
    }

    static func nodes(_ name: String, _ path: any Path<NodeSet>, testing: Bool = false) -> OptionRow {
        OptionRow(name: name, isTestingOnly: testing) { configuration, text throws(ValueError) in configuration[keyPath: path] = try NodeSet.parse(text) }
    }

    static func ports(_ name: String, _ path: any Path<[PortLine]>, flags: [String]) -> OptionRow {
        OptionRow(name: name, isList: true) { configuration, text throws(ValueError) in
            if let port = try PortLine.parse(text, allowing: flags) { configuration[keyPath: path].append(port) }
        }
    }

    static func flag(_ text: String) throws(ValueError) -> Bool {
        guard text == "0" || text == "1" else { throw ValueError("0 or 1") }
        return text == "1"
    }

    static func items(_ text: String) -> [String] {
        text.split(separator: ",").map { String($0.trimmedStart.trimmedEnd) }.filter { !$0.isEmpty }
    }
}
