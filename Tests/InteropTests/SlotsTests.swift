import OwnThread
import Synchronization
import Testing

@Suite("Slots of scenarios", .onItsOwnThread)
struct SlotsTests {
    private final class Machine: Sendable {
        let isIdle = Atomic(false)
        let running = Atomic(0)
    }

    private let machine = Machine()

    /// `count` scenarios that run until the test ends, each of so many slots.
    private func begin(_ count: Int, of slots: Int = 1, in all: Slots) {
        for _ in 0..<count { all.take(slots) { [machine] in machine.running.add(1, ordering: .relaxed) } }
    }

    private func running(_ count: Int) async throws {
        for _ in 0..<60_000 where machine.running.load(ordering: .relaxed) != count { try await Task.sleep(for: .milliseconds(1)) }
        #expect(machine.running.load(ordering: .relaxed) == count)
    }

    private func slots() -> Slots { Slots(sure: 2, most: 4, pause: 0.001) { [machine] in machine.isIdle.load(ordering: .relaxed) } }

    @Test("two are given whatever the machine does, and more, up to a bound, while its processors idle")
    func idle() async throws {
        let slots = slots()
        begin(9, in: slots)
        try await running(2)
        slots.release(1)
        try await running(3)
        machine.isIdle.store(true, ordering: .relaxed)
        try await running(5)
        slots.release(4)
        try await running(9)
    }

    @Test("who asks for all has the machine alone")
    func alone() async throws {
        let slots = slots()
        machine.isIdle.store(true, ordering: .relaxed)
        begin(1, in: slots)
        try await running(1)
        begin(1, of: Slots.all, in: slots)
        try await Task.sleep(for: .milliseconds(20))
        try await running(1)
        slots.release(1)
        try await running(2)
        begin(1, in: slots)
        try await Task.sleep(for: .milliseconds(20))
        try await running(2)
        slots.release(Slots.all)
        try await running(3)
    }

    @Test("processors are looked at once in a pause, and count as busy until then")
    func processors() {
        var processors = IdleProcessors(after: .seconds(86_400))
        for _ in 0..<3 {
            let areIdle = processors.areIdle()
            #expect(!areIdle)
        }
    }
}
