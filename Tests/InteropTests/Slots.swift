import Foundation

/// Lets scenarios run side by side, in the order in which they come.
///
/// Each is a dozen processes that mostly wait for the next consensus, so two of them leave a small machine idle; but not while the rest of the
/// tests keep it busy, and more at once would fail for want of processors. So two may run whatever else does, and further ones, up to a bound, as
/// long as processors idle.
actor Slots {
    /// More than there ever are: who asks for so many runs alone.
    static let all = 1_000
    /// A scenario that has just begun must show what it takes before the next begins.
    static let pause = Duration.seconds(5)

    /// Taken without a look at the machine.
    private let sure: Int
    private let most: Int
    private let pause: Duration
    private let areIdle: () -> Bool
    private var taken = 0
    private var waiting: [(slots: Int, continuation: CheckedContinuation<Void, Never>)] = []
    private var watch: Task<Void, Never>?

    /// - Parameter areIdle: whether processors idle; asked again after each pause while anybody waits.
    init(sure: Int, most: Int, pause: Duration = pause, areIdle: sending @escaping () -> Bool) {
        (self.sure, self.most, self.pause, self.areIdle) = (sure, most, pause, areIdle)
    }

    /// Those of this machine.
    init() {
        var processors = IdleProcessors(after: Self.pause)
        self.init(sure: 2, most: max(2, 2 * ProcessInfo.processInfo.activeProcessorCount)) { processors.areIdle() }
    }

    func take(_ slots: Int) async {
        if waiting.isEmpty, fits(slots) {
            taken += slots
        } else {
            await withCheckedContinuation { waiting.append((slots, $0)); look() }
        }
    }

    func release(_ slots: Int) {
        taken -= slots
        admit()
    }

    private func admit() {
        while let next = waiting.first, fits(next.slots) {
            waiting.removeFirst()
            taken += next.slots
            next.continuation.resume()
        }
    }

    private func fits(_ slots: Int) -> Bool { taken == 0 || taken + slots <= sure || taken + slots <= most && areIdle() }

    /// Now and then, as long as anybody waits: nobody says when processors begin to idle.
    private func look() {
        guard watch == nil else { return }
        watch = Task {
            while !waiting.isEmpty {
                try? await Task.sleep(for: pause)
                admit()
            }
            watch = nil
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
