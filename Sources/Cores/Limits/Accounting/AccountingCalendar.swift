package import Ambience

/// When accounting intervals begin, in the operator's civil time (tor(1), "AccountingStart").
package struct AccountingCalendar: Equatable, Sendable {
    /// How many seconds local time is ahead of UTC at a moment; summer time makes it change.
    package typealias Zone = (WallTime) -> Int64

    private enum Unit: Equatable {
        case day
        /// 1 is Monday, 7 Sunday.
        case week(day: Int64)
        /// 1 to 28.
        case month(day: Int64)
    }

    private static let daySeconds: Int64 = 86_400

    private let unit: Unit
    private let secondOfDay: Int64

    /// On the first of every month at midnight.
    package init() {
        unit = .month(day: 1)
        secondOfDay = 0
    }

    /// `day HH:MM`, `week DAY HH:MM` or `month DAY HH:MM`; `nil` for anything else.
    package init?(_ text: String) {
        let words = text.split { $0 == " " || $0 == "\t" }
        guard let kind = words.first?.lowercased(), words.count == (kind == "day" ? 2 : 3), let second = words.last.flatMap(Self.second) else { return nil }
        let day = Int64(words[1]) ?? 0
        switch kind {
        case "day": unit = .day
        case "week" where (1...7).contains(day): unit = .week(day: day)
        case "month" where (1...28).contains(day): unit = .month(day: day)
        default: return nil
        }
        secondOfDay = second
    }

    private static func second(_ clock: Substring) -> Int64? {
        let parts = clock.split(separator: ":", omittingEmptySubsequences: false).map { Int64($0) }
        guard parts.count == 2, let hour = parts[0], let minute = parts[1], (0...23).contains(hour), (0...59).contains(minute) else { return nil }
        return hour * 3600 + minute * 60
    }

    /// The moment at which the interval that contains `now` began.
    package func start(containing now: WallTime, _ zone: Zone) -> WallTime { Self.moment(civilStart(now + zone(now)), zone) }

    /// The moment at which the interval after the one that contains `now` begins.
    package func end(containing now: WallTime, _ zone: Zone) -> WallTime { Self.moment(civilEnd(civilStart(now + zone(now))), zone) }

    /// `local` is civil time written as if it were UTC.
    private func civilStart(_ local: WallTime) -> WallTime {
        let midnight = local - local.secondOfDay
        let isBefore = local.secondOfDay < secondOfDay
        switch unit {
        case .day: return midnight - (isBefore ? Self.daySeconds : 0) + secondOfDay
        case .week(let day):
            let since = (Int64(local.weekday) - day % 7 + 7) % 7
            return midnight - (since == 0 && isBefore ? 7 : since) * Self.daySeconds + secondOfDay
        case .month(let day):
            let (year, month, today) = local.date
            let isLast = today < day || today == day && isBefore
            return Self.midnight(year, isLast ? month - 1 : month, day) + secondOfDay
        }
    }

    private func civilEnd(_ start: WallTime) -> WallTime {
        switch unit {
        case .day: return start + Self.daySeconds
        case .week: return start + 7 * Self.daySeconds
        case .month(let day):
            let (year, month, _) = start.date
            return Self.midnight(year, month + 1, day) + secondOfDay
        }
    }

    /// `month` may be 0 or 13. A year that the calendar does not have is the beginning of time.
    private static func midnight(_ year: Int64, _ month: Int64, _ day: Int64) -> WallTime {
        let year = month < 1 ? year - 1 : month > 12 ? year + 1 : year
        return WallTime(year: year, month: (month + 11) % 12 + 1, day: day) ?? WallTime(secondsSinceEpoch: 0)
    }

    /// When the clocks of the zone show the civil time. Of an hour that they skip or show twice, one of the moments about it.
    private static func moment(_ civil: WallTime, _ zone: Zone) -> WallTime { civil - zone(civil - zone(civil)) }
}
