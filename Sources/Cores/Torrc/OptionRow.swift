internal import Ambience
internal import Directory

/// How one option is read into the configuration.
struct OptionRow: Sendable {
    let name: String
    /// Every line counts, not only the last.
    var isList = false
    /// Only allowed with TestingTorNetwork.
    var isTestingOnly = false
    /// Not known to stock tor.
    var isOurs = false
    /// What controllers are told of its type, in stock's words.
    var kind = "String"
    /// Its value as a controller is told it; without this, the lines that were given count.
    var current: (@Sendable (NodeConfiguration) -> String)?
    let apply: @Sendable (inout NodeConfiguration, String) throws(ValueError) -> Void

    typealias Path<Value> = WritableKeyPath<NodeConfiguration, Value> & Sendable

    static func flag(_ name: String, _ path: any Path<Bool>, testing: Bool = false) -> OptionRow {
        var row = OptionRow(name: name, isTestingOnly: testing) { configuration, text throws(ValueError) in configuration[keyPath: path] = try Self.flag(text) }
        row.tells("Boolean") { $0[keyPath: path] ? "1" : "0" }
        return row
    }

    static func choice(_ name: String, _ path: any Path<Choice>) -> OptionRow {
        var row = OptionRow(name: name) { configuration, text throws(ValueError) in
            guard text.lowercased() != "auto" else { return configuration[keyPath: path] = .automatic }
            guard text == "0" || text == "1" else { throw ValueError("0, 1 or auto") }
            configuration[keyPath: path] = text == "1" ? .yes : .no
        }
        row.tells("Boolean+Auto") { configuration in
            switch configuration[keyPath: path] {
            case .automatic: "auto"
            case .yes: "1"
            case .no: "0"
            }
        }
        return row
    }

    static func count(_ name: String, _ path: any Path<Int>, _ range: ClosedRange<Int>, testing: Bool = false) -> OptionRow {
        var row = OptionRow(name: name, isTestingOnly: testing) { configuration, text throws(ValueError) in
            guard let value = Int(text), range.contains(value) else { throw ValueError("a whole number from \(range.lowerBound) to \(range.upperBound)") }
            configuration[keyPath: path] = value
        }
        row.tells("Integer") { "\($0[keyPath: path])" }
        return row
    }

    static func span(_ name: String, _ path: any Path<Instant.Span>, testing: Bool = false) -> OptionRow {
        var row = OptionRow(name: name, isTestingOnly: testing) { configuration, text throws(ValueError) in configuration[keyPath: path] = try Units.span(text) }
        row.tells("TimeInterval") { "\($0[keyPath: path].inMilliseconds / 1000)" }
        return row
    }

    static func bytes(_ name: String, _ path: any Path<UInt64>, testing: Bool = false) -> OptionRow {
        var row = OptionRow(name: name, isTestingOnly: testing) { configuration, text throws(ValueError) in configuration[keyPath: path] = try Units.bytes(text) }
        row.tells("DataSize") { "\($0[keyPath: path])" }
        return row
    }

    static func text(_ name: String, _ path: any Path<String?>) -> OptionRow {
        OptionRow(name: name) { configuration, text throws(ValueError) in configuration[keyPath: path] = text }
    }

    /// Words separated by commas; lines add up.
    static func words(_ name: String, _ path: any Path<[String]>) -> OptionRow {
        OptionRow(name: name, isList: true, kind: "CommaList") { configuration, text throws(ValueError) in configuration[keyPath: path] += Self.items(text) }
    }

    static func nodes(_ name: String, _ path: any Path<NodeSet>, testing: Bool = false) -> OptionRow {
        OptionRow(name: name, isTestingOnly: testing, kind: "RouterList") { configuration, text throws(ValueError) in configuration[keyPath: path] = try NodeSet.parse(text) }
    }

    /// Lines of `accept` and `reject` that say who may use a port of ours.
    static func policy(_ name: String, _ path: any Path<ExitPolicy>) -> OptionRow {
        OptionRow(name: name, isList: true, kind: "LineList") { configuration, text throws(ValueError) in
            do throws(PolicyError) {
                configuration[keyPath: path].rules += try ExitPolicy(torrc: text).rules
            } catch { throw ValueError("accept or reject ADDRESS[/MASK] between commas, but \(error)") }
        }
    }

    static func ports(_ name: String, _ path: any Path<[PortLine]>, flags: [String]) -> OptionRow {
        OptionRow(name: name, isList: true, kind: "Dependent") { configuration, text throws(ValueError) in
            if let port = try PortLine.parse(text, allowing: flags) { configuration[keyPath: path].append(port) }
        }
    }

    private mutating func tells(_ kind: String, _ current: @escaping @Sendable (NodeConfiguration) -> String) {
        self.kind = kind
        self.current = current
    }

    static func flag(_ text: String) throws(ValueError) -> Bool {
        guard text == "0" || text == "1" else { throw ValueError("0 or 1") }
        return text == "1"
    }

    static func items(_ text: String) -> [String] {
        text.split(separator: ",").map { String($0.trimmedStart.trimmedEnd) }.filter { !$0.isEmpty }
    }
}
