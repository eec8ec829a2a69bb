/// The way of an option: its text becomes an assignment (`TorrcText`, `Invocation`), assignments of all sources are laid over each
/// other here, each is read by its row in `OptionTable` into a `NodeConfiguration`, and `Soundness` checks what only shows between options.
package enum Torrc {
    /// A configuration and what its author should know about it.
    package struct Reading: Sendable {
        package let configuration: NodeConfiguration
        package let warnings: [String]
        /// What counted, in order: what `--dump-config` prints.
        package let assignments: [Assignment]
    }

    /// - Parameter sources: assignments of each source, the most general first (defaults file, torrc, command line). A later source
    ///   replaces what earlier ones say about an option, or adds to it with `+`.
    package static func read(_ sources: [[Assignment]]) throws(TorrcError) -> Reading {
        var warnings: [String] = []
        var kept: [Assignment] = []
        for source in sources { kept = layered(try named(source, &warnings), over: kept) }
        kept = lastOfEach(kept, &warnings)
        var configuration = NodeConfiguration(isTesting: kept.contains { $0.option == "TestingTorNetwork" && $0.value == "1" })
        for assignment in kept { try apply(assignment, to: &configuration) }
        try Soundness.check(&configuration, kept, &warnings)
        return Reading(configuration: configuration, warnings: warnings, assignments: kept)
    }

    /// The names that `--list-torrc-options` prints; ours are the ones stock tor does not know.
    package static var optionNames: [(name: String, isOurs: Bool)] {
        (StockOptions.names.map { ($0, false) } + ours.map { ($0, true) }).sorted { $0.0.lowercased() < $1.0.lowercased() }
    }

    private static let ours = OptionTable.rows.filter(\.isOurs).map(\.name)

    /// Gives every option its proper spelling, drops those we do not implement with a warning, refuses those nobody knows.
    private static func named(_ source: [Assignment], _ warnings: inout [String]) throws(TorrcError) -> [Assignment] {
        var named: [Assignment] = []
        for var assignment in source {
            if let row = OptionTable.byName[assignment.option.lowercased()] {
                assignment.option = row.name
                named.append(assignment)
            } else if let name = StockOptions.byName[assignment.option.lowercased()] {
                warnings.append("\(assignment.origin): \(name): tor's option is not implemented here and is ignored")
            } else {
                throw unknown(assignment)
            }
        }
        return named
    }

    private static func unknown(_ assignment: Assignment) -> TorrcError {
        let guess = Suggestion.nearest(to: assignment.option, among: StockOptions.names + ours)
        let hint = guess.map { "; did you mean \($0)?" } ?? ""
        return TorrcError(origin: assignment.origin, option: assignment.option, problem: "no such option\(hint)")
    }

    private static func layered(_ source: [Assignment], over earlier: [Assignment]) -> [Assignment] {
        let replaced = Set(source.filter { $0.manner != .add }.map(\.option))
        return earlier.filter { !replaced.contains($0.option) } + source.filter { $0.manner != .clear }
    }

    /// Of an option that takes one value, the last line counts.
    private static func lastOfEach(_ assignments: [Assignment], _ warnings: inout [String]) -> [Assignment] {
        var kept: [Assignment] = []
        for (index, assignment) in assignments.enumerated() {
            let isOverruled = assignments[(index + 1)...].contains { $0.option == assignment.option }
            if OptionTable.byName[assignment.option.lowercased()]?.isList == false, isOverruled {
                warnings.append("\(assignment.origin): \(assignment.option): given more than once; only the last value counts")
            } else {
                kept.append(assignment)
            }
        }
        return kept
    }

    /// An option without a value keeps its default, as in stock tor.
    private static func apply(_ assignment: Assignment, to configuration: inout NodeConfiguration) throws(TorrcError) {
        guard let row = OptionTable.byName[assignment.option.lowercased()], !assignment.value.isEmpty else { return }
        if row.isTestingOnly, !configuration.general.isTestingNetwork {
            throw TorrcError(origin: assignment.origin, option: row.name, problem: "is only allowed together with TestingTorNetwork 1")
        }
        do throws(ValueError) {
            try row.apply(&configuration, assignment.value)
        } catch {
            throw TorrcError(origin: assignment.origin, option: row.name, problem: "\"\(assignment.value)\" will not do: expected \(error.expected)")
        }
    }
}
