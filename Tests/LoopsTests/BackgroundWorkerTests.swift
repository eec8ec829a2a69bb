import Ambience
import Loops
import Testing

@Suite("Background worker")
struct BackgroundWorkerTests {
    private let loop = EventLoop()

    /// Turns until the condition holds, for ten seconds at most.
    private func wait(until condition: () -> Bool) -> Bool {
        let deadline = loop.now + .seconds(60)
        let ticker = loop.every(.milliseconds(10)) {}
        defer { ticker.cancel() }
        while !condition() {
            guard loop.now < deadline else { return false }
            loop.turn(wait: true)
        }
        return true
    }

    @Test("jobs run in order on another thread, and their results come back in order on the loop")
    func order() {
        let worker = BackgroundWorker(loop: loop)
        var results: [Int] = []
        for number in 0..<50 { _ = worker.run({ number * number }, { results.append($0) }) }
        #expect(results.isEmpty, "nothing comes back before the loop turns")
        #expect(wait { results.count == 50 })
        #expect(results == (0..<50).map { $0 * $0 })
        #expect(worker.jobCount == 0)
    }

    @Test("at its bound it takes no more, and later it does again")
    func bound() {
        let worker = BackgroundWorker(loop: loop, jobLimit: 3)
        var ended = 0
        let taken = (0..<5).map { _ in worker.run({ true }, { _ in ended += 1 }) }
        #expect(taken == [true, true, true, false, false])
        #expect(wait { ended == 3 })
        _ = worker.run({ true }, { _ in ended += 1 })
        #expect(wait { ended == 4 })
    }

    @Test("the result of a job that outlives its worker is dropped")
    func release() {
        var worker: BackgroundWorker? = BackgroundWorker(loop: loop)
        var ended = 0
        _ = worker?.run({ true }, { _ in ended += 1 })
        worker = nil
        loop.turn(wait: false)
        #expect(ended == 0)
    }
}
