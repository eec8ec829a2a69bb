internal import ArgumentParser

/// A length of time on the command line: `90s`, `45m`, `4h`, `1h30m`, `2d`.
struct Duration: ExpressibleByArgument {
    let seconds: Int64

    init?(argument: String) {
        var total: Int64 = 0
        var digits = ""
        for letter in argument {
            if letter.isASCII, letter.isNumber { digits.append(letter); continue }
            guard let unit = Self.units[letter], let count = Int64(digits), count <= Self.longestSeconds / unit else { return nil }
            total += count * unit
            digits = ""
        }
        guard digits.isEmpty, total > 0, total <= Self.longestSeconds else { return nil }
        seconds = total
    }

    var defaultValueDescription: String { Self.text(seconds) }

    private static let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86400]
    private static let longestSeconds: Int64 = 365 * 86400

    /// The two largest units: `1h05m`, `45m`, `12s`.
    static func text(_ seconds: Int64) -> String {
        let left = max(0, seconds)
        func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
        switch left {
        case ..<60: return "\(left)s"
        case ..<3600: return left % 60 == 0 ? "\(left / 60)m" : "\(left / 60)m\(two(left % 60))s"
        case ..<86400: return "\(left / 3600)h\(two(left / 60 % 60))m"
        default: return "\(left / 86400)d\(two(left / 3600 % 24))h"
        }
    }
}
