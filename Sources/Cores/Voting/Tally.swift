/// Counting rules that all authorities share.
enum Tally {
    /// The lower of two middles; `nil` of nothing.
    static func lowMedian<T: Comparable>(_ values: [T]) -> T? {
        values.isEmpty ? nil : values.sorted()[(values.count - 1) / 2]
    }

    /// The member that occurs most in a list with equal members side by side; a tie goes to the later one.
    static func mostFrequent<T>(_ sorted: [T], _ areEqual: (T, T) -> Bool) -> T? {
        var best: (member: T, count: Int)?
        for run in runs(sorted, areEqual) where run.count >= best?.count ?? 0 { best = run }
        return best?.member
    }

    static func mostFrequent<T: Equatable>(_ sorted: [T]) -> T? { mostFrequent(sorted, ==) }

    /// Members that occur more than `minimum` times.
    static func frequent<T: Equatable>(_ sorted: [T], moreThan minimum: Int) -> [T] {
        runs(sorted, ==).filter { $0.count > minimum }.map(\.member)
    }

    private static func runs<T>(_ sorted: [T], _ areEqual: (T, T) -> Bool) -> [(member: T, count: Int)] {
        var runs: [(member: T, count: Int)] = []
        for member in sorted {
            if let last = runs.last, areEqual(last.member, member) { runs[runs.count - 1].count += 1 } else { runs.append((member, 1)) }
        }
        return runs
    }

    /// Byte order, which is what authorities sort text by.
    static func byBytes(_ a: String, _ b: String) -> Bool { a.utf8.lexicographicallyPrecedes(b.utf8) }
}
