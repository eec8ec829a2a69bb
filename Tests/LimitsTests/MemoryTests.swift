import Ambience
import Testing

@testable import Limits

@Suite("Memory of queues")
struct MemoryTests {
    @Test("The default limit follows the machine as stock's does")
    func standard() {
        let gibibyte: UInt64 = 1 << 30
        #expect(MemoryLimit.standard(physicalBytes: 4 * gibibyte) == 3 * gibibyte)
        #expect(MemoryLimit.standard(physicalBytes: 10 * gibibyte) == 4 * gibibyte)
        #expect(MemoryLimit.standard(physicalBytes: 64 * gibibyte) == 8 * gibibyte)
        #expect(MemoryLimit.standard(physicalBytes: 1 << 20) == 256 << 20)
        #expect(MemoryLimit.chosen(1 << 20, physicalBytes: gibibyte) == 64 << 20)
        #expect(MemoryLimit.chosen(512 << 20, physicalBytes: gibibyte) == 512 << 20)
    }

    @Test("Nothing is freed below the limit; above it, down to nine tenths")
    func excess() {
        #expect(MemoryLimit.excess(used: 1000, limit: 1000) == 0)
        #expect(MemoryLimit.excess(used: 1001, limit: 1000) == 101)
    }

    @Test("Those who have waited longest end, just as many as it takes", arguments: 1...20 as ClosedRange<UInt64>)
    func victims(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let debts = (0..<100).map { number in
            MemoryLimit.Debt(circuit: number, bytes: Int.random(in: 0...1000, using: &random), since: .zero + .milliseconds(Int64.random(in: 0...9999, using: &random)))
        }
        let wanted = Int.random(in: 1...60_000, using: &random)
        let victims = MemoryLimit.victims(debts, toFree: wanted)
        let freed = victims.reduce(0) { $0 + $1.bytes }
        #expect(freed >= wanted || victims.count == debts.count { $0.bytes > 0 })
        #expect(freed - (victims.last?.bytes ?? 0) < wanted)
        let spared = debts.filter { debt in debt.bytes > 0 && !victims.contains { $0.circuit == debt.circuit } }
        if let youngest = victims.map(\.since).max() { #expect(spared.allSatisfy { $0.since >= youngest }) }
    }
}
