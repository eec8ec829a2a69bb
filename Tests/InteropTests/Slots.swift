import Foundation

/// Lets scenarios run side by side, in the order in which they come.
///
/// Each is a dozen processes that mostly wait for the next consensus, so two of them leave a small machine idle; but not while the rest of the
/// tests keep it busy, and more at once would fail for want of processors. So two may run whatever else does, and further ones, up to a bound, as
/// long as processors idle.
///
/// All on a queue of its own: the tasks of tests wait for each other when they compute, and a scenario would begin late and keep its slots long after its end.
// SAFETY: what changes is touched on the queue alone.
final class Slots: @unchecked Sendable {
    /// More than there ever are: who asks for so many runs alone.
    static let all = 1_000
    /// A scenario that has just begun must show what it takes before the next begins.
    static let pause = 5.0

    /// Taken without a look at the machine.
    private let sure: Int
    private let most: Int
    private let pause: Double
    private let areIdle: () -> Bool
    private let queue = DispatchQueue(label: "slots")
    private var taken = 0
    private var waiting: [(slots: Int, begin: @Sendable () -> Void)] = []
    private var isLooking = false

    /// - Parameters:
    ///   - pause: seconds.
    ///   - areIdle: whether processors idle; asked again after each pause while anybody waits.
    init(sure: Int, most: Int, pause: Double = pause, areIdle: sending @escaping () -> Bool) {
        (self.sure, self.most, self.pause, self.areIdle) = (sure, most, pause, areIdle)
    }

    /// Those of this machine.
    convenience init() {
        var processors = IdleProcessors(after: .seconds(Self.pause))
        self.init(sure: 2, most: max(2, 2 * ProcessInfo.processInfo.activeProcessorCount)) { processors.areIdle() }
    }

    /// Calls `begin` once there are so many slots, which are its own until `release`.
    func take(_ slots: Int, begin: @escaping @Sendable () -> Void) {
        queue.async { [self] in
            waiting.append((slots, begin))
            if waiting.count == 1 { admit() }
            look()
        }
    }

    func release(_ slots: Int) {
        queue.async { [self] in
            taken -= slots
            admit()
        }
    }

    private func admit() {
        while let next = waiting.first, fits(next.slots) {
            waiting.removeFirst()
            taken += next.slots
            next.begin()
        }
    }

    private func fits(_ slots: Int) -> Bool { taken == 0 || taken + slots <= sure || taken + slots <= most && areIdle() }

    /// Now and then, as long as anybody waits: nobody says when processors begin to idle.
    private func look() {
        guard !isLooking, !waiting.isEmpty else { return }
        isLooking = true
        queue.asyncAfter(deadline: .now() + pause) { [self] in
            isLooking = false
            admit()
            look()
        }
    }
}

/// Whether this machine's processors have little to do, by the kernel's own count.
struct IdleProcessors {
    /// Of one processor, idle on average since it was last asked.
    private static let enough = 0.6

    private let pause: Duration
    private var last: (at: ContinuousClock.Instant, idle: Double)?

    init(after pause: Duration) { self.pause = pause }

    /// At most once in a pause.
    mutating func areIdle() -> Bool {
        let now = ContinuousClock.now, idle = Self.idleSeconds()
        guard let last else {
            self.last = (now, idle)
            return false
        }
        guard now - last.at >= pause else { return false }
        self.last = (now, idle)
        return (idle - last.idle) / ((now - last.at) / .seconds(1)) >= Self.enough
    }

    /// Of all processors together since the machine was started; `proc(5)`, the fourth number.
    private static func idleSeconds() -> Double {
        let text = (try? String(contentsOfFile: "/proc/stat", encoding: .utf8)) ?? ""
        let numbers = text.prefix { $0 != "\n" }.split(separator: " ").dropFirst().compactMap { Double($0) }
        return numbers.count > 3 ? numbers[3] / Double(sysconf(Int32(_SC_CLK_TCK))) : 0
    }
}
