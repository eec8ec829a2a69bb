internal import Glibc

/// What a piece of work costs one core.
package enum Stopwatch {
    /// The fastest of several rounds, in microseconds a call: other work on the machine only slows a round down.
    /// - Parameter seconds: of processor time, to be spent on rounds.
    @MainActor package static func microseconds(_ seconds: Double, _ work: @MainActor () -> Void) -> Double {
        var best = Double.infinity
        let end = processorSeconds() + seconds
        repeat {
            let start = processorSeconds()
            for _ in 0..<20 { work() }
            best = min(best, (processorSeconds() - start) / 20 * 1e6)
        } while processorSeconds() < end
        return best
    }

    /// Processor time of this thread, in seconds.
    private static func processorSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
