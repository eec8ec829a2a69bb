import Ambience
import Glibc
import Testing

@testable import Limits

@Suite("Order between circuits")
struct SchedulingTests {
    private let clock = DecayClock(halfLife: .seconds(30), now: .zero)

    private func at(_ seconds: Double) -> DecayClock.Position { clock.position(at: .zero + .seconds(seconds)) }

    @Test("A cell counts half after one half-life, a quarter after two")
    func decay() {
        var activity = CircuitActivity()
        activity.add(cells: 100, at: at(0))
        #expect(abs(activity.cells(at: at(0)) - 100) < 1e-9)
        #expect(abs(activity.cells(at: at(30)) - 50) < 1e-9)
        activity.add(cells: 10, at: at(60))
        #expect(abs(activity.cells(at: at(60)) - 35) < 1e-9)
    }

    @Test("The sum agrees with one computed step by step, over years", arguments: 1...20 as ClosedRange<UInt64>)
    func sum(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var activity = CircuitActivity()
        var plain = 0.0
        var now = Double.random(in: 0...1e9, using: &random)
        for _ in 0..<200 {
            let pause = Double.random(in: 0...60, using: &random)
            let cells = Int.random(in: 0...31, using: &random)
            now += pause
            plain = plain * exp2(-pause / 30) + Double(cells)
            activity.add(cells: cells, at: at(now))
            #expect(abs(activity.cells(at: at(now)) - plain) <= 1e-5 * max(1, plain), "seed \(seed)")
        }
    }

    @Test("A circuit that has sent nothing is the quietest, and a silent one becomes quieter than one that goes on")
    func comparison() {
        var busy = CircuitActivity(), late = CircuitActivity()
        busy.add(cells: 1000, at: at(0))
        #expect(CircuitActivity() < busy)
        late.add(cells: 31, at: at(300))
        #expect(busy < late)
    }

    @Test("Another half-life goes on from where the clock is")
    func halfLifeChanges() {
        var clock = DecayClock(halfLife: .seconds(30), now: .zero)
        var activity = CircuitActivity()
        activity.add(cells: 80, at: clock.position(at: .zero))
        clock.use(halfLife: .seconds(10), now: .zero + .seconds(30))
        #expect(abs(activity.cells(at: clock.position(at: .zero + .seconds(30))) - 40) < 1e-9)
        #expect(abs(activity.cells(at: clock.position(at: .zero + .seconds(40))) - 20) < 1e-9)
    }

    @Test("The heap agrees with a sorted list over random inserts, servings and departures", arguments: 1...20 as ClosedRange<UInt64>)
    func heap(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var heap = QuietestFirst()
        var model: [Int: CircuitActivity] = [:]
        for step in 0..<3000 {
            let circuit = Int.random(in: 0..<60, using: &random)
            var activity = model[circuit] ?? CircuitActivity()
            activity.add(cells: Int.random(in: 0...31, using: &random), at: at(Double(step)))
            if model[circuit] == nil {
                model[circuit] = activity
                heap.insert(circuit, activity)
            } else if Bool.random(using: &random), let first = heap.first, var served = model[first] {
                served.add(cells: 31, at: at(Double(step)))
                model[first] = served
                heap.updateFirst(served)
            } else {
                model[circuit] = nil
                heap.remove(circuit)
                heap.remove(circuit)
            }
            #expect(heap.count == model.count && heap.contains(circuit) == (model[circuit] != nil), "seed \(seed)")
            if let first = heap.first { #expect(model[first] == model.values.min(), "seed \(seed)") }
        }
    }

    @Test("Three busy circuits share evenly, and a quiet one among them never waits for more than one serving")
    func shares() {
        var heap = QuietestFirst()
        var activity = [CircuitActivity](repeating: CircuitActivity(), count: 4)
        var sent = [0, 0, 0, 0]
        for circuit in 0..<3 { heap.insert(circuit, activity[circuit]) }
        for step in 0..<3000 {
            let now = at(Double(step) / 1000)
            if step % 100 == 99 { heap.insert(3, activity[3]) }
            guard let first = heap.first else { break }
            let cells = first == 3 ? 1 : 31
            activity[first].add(cells: cells, at: now)
            sent[first] += cells
            if first == 3 { heap.remove(3) } else { heap.updateFirst(activity[first]) }
            #expect(!heap.contains(3))
        }
        #expect(sent[3] == 30)
        #expect(sent[..<3].max()! - sent[..<3].min()! <= 62)
    }

    @Test("What the consensus says is held to stock's ranges")
    func parameters() {
        let absurd = QueueParameters { name, _, range in name.hasPrefix("cc_cellq_low") ? range.upperBound : range.lowerBound }
        #expect(absurd.inboundLimitCells == 50 && absurd.outboundLimitCells == 50 && absurd.highCells == 1 && absurd.lowCells == 1)
        #expect(absurd.halfLife == .milliseconds(1))
        let one = QueueParameters { name, fallback, _ in name == "circ_max_cell_queue_size" ? 1750 : fallback }
        #expect(one.outboundLimitCells == 1750)
        #expect(QueueParameters(halfLife: .seconds(5)) { _, fallback, _ in fallback }.halfLife == .seconds(5))
    }
}
