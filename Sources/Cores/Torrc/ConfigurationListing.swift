/// A configuration as controllers ask for it (control-spec.txt 3.3, 3.9 "config/…").
extension Torrc.Reading {
    /// Type names of options that only work together with others; stock shows the whole of `HiddenServiceOptions` under one name.
    private static let virtuals = ["hiddenserviceoptions": "HiddenServiceOptions"]

    /// The proper name of an option and the values that hold; none when it is unset. `nil` for an option that nobody knows.
    package func values(of option: String) -> (name: String, values: [String])? {
        guard let row = OptionTable.byName[option.lowercased()] else {
            return (StockOptions.byName[option.lowercased()] ?? Self.virtuals[option.lowercased()]).map { ($0, []) }
        }
        if let current = row.current { return (row.name, [current(configuration)]) }
        return (row.name, assignments.filter { $0.option == row.name && !$0.value.isEmpty }.map(\.value))
    }

    /// What SAVECONF writes: a torrc that reads to this configuration.
    package var text: String {
        assignments.enumerated().sorted { ($0.element.option.lowercased(), $0.offset) < ($1.element.option.lowercased(), $1.offset) }
            .map { "\($0.element.option) \(Self.quotedIfNeeded($0.element.value))\n" }.joined()
    }

    /// Quotes keep a comment sign, an outer blank or a backslash at the end what it is.
    private static func quotedIfNeeded(_ value: String) -> String {
        let isPlain = !value.contains("#") && !value.contains("\"") && !value.contains("\\") && !value.hasPrefix(" ") && !value.hasSuffix(" ") && !value.utf8.contains { $0 < 0x20 }
        guard !isPlain else { return value }
        var quoted = "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}

extension Torrc {
    /// Implemented options with their types, a line each (`config/names`).
    package static var typedNames: String {
        OptionTable.rows.sorted { $0.name.lowercased() < $1.name.lowercased() }.map { "\($0.name) \($0.kind)\n" }.joined()
    }

    /// Options whose default is a value, a line each (`config/defaults`).
    package static var defaults: String {
        let plain = NodeConfiguration()
        return OptionTable.rows.sorted { $0.name.lowercased() < $1.name.lowercased() }.compactMap { row in row.current.map { "\(row.name) \"\($0(plain))\"\n" } }.joined()
    }

    /// The proper name of an option that is implemented here.
    package static func implementedName(of option: String) -> String? { OptionTable.byName[option.lowercased()]?.name }

    /// A configuration that differs from `reading` in the given options: each gets exactly these values, none means its default.
    package static func changed(_ reading: Reading, _ changes: [(option: String, values: [String])]) throws(TorrcError) -> Reading {
        let names = Set(changes.map(\.option))
        let kept = reading.assignments.filter { !names.contains($0.option) }
        let added = changes.flatMap { change in change.values.map { Assignment(option: change.option, value: $0, origin: .controller) } }
        return try read([kept + added])
    }
}
