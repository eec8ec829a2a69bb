/// Where an option was given.
package enum OptionOrigin: Equatable, Sendable, CustomStringConvertible {
    /// A torrc by its name, and the line (from 1) on which the option starts.
    case file(String, line: Int)
    case commandLine
    /// SETCONF and its like.
    case controller

    package var description: String {
        switch self {
        case .file(let name, let line): "\(name):\(line)"
        case .commandLine: "command line"
        case .controller: "controller"
        }
    }
}

/// Why a configuration cannot be used: where, which option, and what was expected instead.
package struct TorrcError: Error, Equatable, CustomStringConvertible {
    package let origin: OptionOrigin?
    package let option: String?
    package let problem: String

    package init(origin: OptionOrigin?, option: String?, problem: String) {
        self.origin = origin
        self.option = option
        self.problem = problem
    }

    package var description: String { [origin?.description, option, problem].compactMap { $0 }.joined(separator: ": ") }
}

/// A value that its option does not take; the reader of the option adds where it stood.
struct ValueError: Error {
    let expected: String

    init(_ expected: String) { self.expected = expected }
}
