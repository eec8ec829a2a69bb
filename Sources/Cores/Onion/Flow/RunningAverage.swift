/// An exponentially weighted average over about `count` values, in whole numbers as all of the field computes it (proposal 324, section 2.1.3).
enum RunningAverage {
    /// More weight for the past makes no difference that anybody could see, and might overflow.
    private static let countLimit = 1024

    /// No previous value: the average is the value.
    static func next(_ value: Int, after previous: Int, count: Int) -> Int {
        guard previous > 0 else { return value }
        let count = min(count, countLimit)
        return (2 * value + (count - 1) * previous) / (count + 1)
    }
}
