internal import Exchange

/// Which keys an exchange has when.
struct KeySchedule: Sendable {
    /// Slices before a day's or week's keys may be used that they are published: more than the age that wallets ask for.
    static let lead: Int64 = 24

    let buckets: [UInt8]
    let sizes: [MoteClass]
    /// Permits begin at each slice whose number is a multiple of it.
    let permitEvery: Int64

    func weeks(at slice: Slice) -> [Int64] { Set([slice.week, (slice + Self.lead).week]).sorted() }

    /// Today's and tomorrow's, for access is sold a day ahead; and in time those of the day after.
    func days(at slice: Slice) -> ClosedRange<Int64> { slice.day...(slice + Self.lead).day + 1 }

    /// All days and weeks of which a token may still come, or what is left may still have to be burned: none was by `since`.
    func remembered(at slice: Slice, since: Slice) -> (weeks: ClosedRange<Int64>, days: ClosedRange<Int64>) {
        (max(1, since.week - 2)...weeks(at: slice).last!, max(1, since.day - 8)...days(at: slice).upperBound)
    }

    func credit(week: Int64) -> [KeyRole] { Denomination.allCases.map { .credit($0, week: week) } }

    func rights(day: Int64) -> [KeyRole] {
        let first = Slice.first(ofDay: day)
        return (first..<first + Slice.perDay).flatMap { slice in buckets.map { .barter(bucket: $0, slice) } }
    }

    /// Keys of RSA, which are made one by one: those that are needed first, first. Permits for what is past by `slice` are left out.
    func signers(day: Int64, after slice: Slice) -> [KeyRole] {
        let first = Slice.first(ofDay: day)
        let starts = (max(first, slice + 1)..<max(first + Slice.perDay, slice + 1)).filter { $0.day == day && $0.index % permitEvery == 0 }
        return [.access(day: day)] + buckets.map { .barterAccess(bucket: $0, day: day) }
            + starts.flatMap { start in sizes.flatMap { [.permit(start, $0, isStaked: true), .permit(start, $0, isStaked: false)] } }
    }
}
