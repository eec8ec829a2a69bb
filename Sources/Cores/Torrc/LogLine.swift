/// A Log line: `MINSEVERITY[-MAXSEVERITY] [stdout|stderr|syslog|file NAME]`.
package struct LogLine: Equatable, Sendable {
    package enum Severity: Int, Comparable, Sendable, CaseIterable {
        case debug, info, notice, warn, err

        package static func < (a: Severity, b: Severity) -> Bool { a.rawValue < b.rawValue }
    }

    package enum Target: Equatable, Sendable {
        case standardOutput, standardError, systemLog
        case file(String)
    }

    package var severities: ClosedRange<Severity>
    package var target: Target

    package init(severities: ClosedRange<Severity>, target: Target) {
        self.severities = severities
        self.target = target
    }

    private static let expected = "MINSEVERITY[-MAXSEVERITY] [stdout|stderr|syslog|file NAME], severities being debug, info, notice, warn, err"

    static func parse(_ text: String) throws(ValueError) -> LogLine {
        let words = text.split(separator: " ", maxSplits: 2).map(String.init)
        guard let first = words.first, !first.hasPrefix("[") else { throw ValueError(expected) }
        return LogLine(severities: try severities(first), target: try target(words.dropFirst()))
    }

    private static func severities(_ text: String) throws(ValueError) -> ClosedRange<Severity> {
        let ends = text.lowercased().split(separator: "-", maxSplits: 1).map { end in Severity.allCases.first { "\($0)" == end } }
        switch (ends.first, ends.count) {
        case (let low??, 1): return low...(.err)
        case (let low??, 2):
            guard let high = ends[1], low <= high else { throw ValueError(expected) }
            return low...high
        default: throw ValueError(expected)
        }
    }

    private static func target(_ words: ArraySlice<String>) throws(ValueError) -> Target {
        switch (words.first?.lowercased(), words.count) {
        case (nil, _), ("stdout", 1): return .standardOutput
        case ("stderr", 1): return .standardError
        case ("syslog", 1): return .systemLog
        case ("file", 2): return .file(words[words.startIndex + 1])
        default: throw ValueError(expected)
        }
    }
}
