internal import Glibc

/// How numbers are made vague before they are told.
package enum Blurring {
    /// The next multiple: nobody can see the last client come or go.
    package static func up(_ value: UInt64, to multiple: UInt64) -> UInt64 {
        let (sum, isOver) = value.addingReportingOverflow(multiple - 1)
        return (isOver ? .max : sum) / multiple * multiple
    }

    /// Adds noise of the Laplace distribution with the scale `range / epsilon`, so that one user's part in the number cannot be told
    /// (dir-spec.txt 2.1.2, "hidserv-stats-end").
    package static func noisy(_ value: UInt64, range: Double, epsilon: Double, using random: inout some RandomNumberGenerator) -> Int64 {
        // Of the open interval: neither end has a logarithm.
        let uniform = (Double(random.next() >> 11) + 0.5) / Double(1 << 53)
        let scale = range / epsilon
        let noise = uniform < 0.5 ? scale * log(2 * uniform) : -scale * log(2 * (1 - uniform))
        return Int64(min(max(Double(value) + noise, -9e18), 9e18))
    }
}
