internal import Ambience
package import Leasing
package import Prices

/// What came of a rehearsal.
package struct RehearsalReport: Equatable, Sendable {
    package struct Provider: Equatable, Sendable {
        package let name: String
        package fileprivate(set) var started = 0
        package fileprivate(set) var listed = 0
        package fileprivate(set) var ends: [EndReason: Int] = [:]
        package fileprivate(set) var cost = Amount.zero
    }

    package struct Day: Equatable, Sendable {
        package fileprivate(set) var fewestUsable = Int.max
        package fileprivate(set) var mostAlive = 0
        package fileprivate(set) var intended = 0
        package fileprivate(set) var gone = 0
        fileprivate var usableSum = 0
        fileprivate var measurements = 0

        /// On average, since the fleet was whole for the first time.
        package var meanUsable: Double { measurements == 0 ? 0 : Double(usableSum) / Double(measurements) }
    }

    package private(set) var providers: [Provider]
    package private(set) var days: [Day] = []
    package private(set) var passes = 0
    /// Motes and candidates that passes looked at.
    package private(set) var work = 0
    /// Looks per mote and pass, in a pass of many motes.
    package private(set) var largestWorkPerMote = 0.0
    /// Machines that were there two minutes past their expiry.
    package private(set) var overdue = 0
    /// Steps that no life allows: a defect of the program.
    package private(set) var faults: [String] = []
    /// The ceilings of everything that was intended.
    package private(set) var promised = Purse()
    private var lifeSeconds: Int64 = 0
    private var lives: Int64 = 0
    private let indices: [String: Int]
    private var began: WallTime?

    private static let faultsLimit = 10
    private static let manyMotes = 100

    init(_ names: [String]) {
        providers = names.map { Provider(name: $0) }
        indices = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
    }

    /// Of those that were listed, from the first start until proven gone.
    package var meanLifeSeconds: Int64 { lives == 0 ? 0 : lifeSeconds / lives }
    package var cost: Amount { providers.reduce(.zero) { $0 + $1.cost } }
    package var started: Int { providers.reduce(0) { $0 + $1.started } }

    mutating func took(_ work: Int, motes: Int) {
        passes += 1
        self.work += work
        if motes >= Self.manyMotes { largestWorkPerMote = max(largestWorkPerMote, Double(work) / Double(motes)) }
    }

    mutating func heard(_ event: MoteEvent, _ record: MoteRecord) {
        guard let index = indices[record.lease.site.provider] else { return }
        switch event.change {
        case .intended: today(event.at) { $0.intended += 1 }
        case .starting: providers[index].started += 1
        case .listed: providers[index].listed += 1
        case .gone(let reason):
            providers[index].ends[reason, default: 0] += 1
            today(event.at) { $0.gone += 1 }
            if let first = record.starts.first, reason != .refused, reason != .failedStart { (lives, lifeSeconds) = (lives + 1, lifeSeconds + (event.at - first)) }
        default: break
        }
    }

    mutating func measure(_ now: WallTime, usable: Int, alive: Int, wanted: Int, counts: Bool) {
        today(now) { day in
            day.mostAlive = max(day.mostAlive, alive)
            guard counts else { return }
            day.fewestUsable = min(day.fewestUsable, usable)
            (day.usableSum, day.measurements) = (day.usableSum + usable, day.measurements + 1)
        }
    }

    mutating func broken(_ step: IllegalStep) { if faults.count < Self.faultsLimit { faults.append("\(step)") } }

    mutating func close(_ costs: [Amount], overdue: Int, _ promised: Purse) {
        self.overdue = overdue
        for (index, cost) in costs.enumerated() { providers[index].cost = cost }
        self.promised = promised
    }

    private mutating func today(_ now: WallTime, _ change: (inout Day) -> Void) {
        let start = began ?? now
        began = start
        let day = Int((now - start) / 86400)
        while days.count <= day { days.append(Day()) }
        change(&days[day])
    }
}
