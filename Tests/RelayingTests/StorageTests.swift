import Ambience
import Testing

@testable import Relaying

private final class Box {}

@Suite("Flat storage of the hot room")
struct StorageTests {
    @Test("A flat table agrees with a dictionary over random inserts, look-ups and removals", arguments: [1, 2, 3, 4] as [UInt64])
    func table(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var table = FlatTable<Box>()
        var model: [UInt32: Box] = [:]
        for _ in 0..<20_000 {
            let key = UInt32.random(in: 1...200, using: &random) &* 0x1000_0001
            switch (Int.random(in: 0..<3, using: &random), model[key]) {
            case (0, nil):
                let box = Box()
                model[key] = box
                table.insert(key, box, mark: key & 1 == 1)
            case (1, _):
                model[key] = nil
                table.remove(key)
            default: break
            }
            let found = table.find(key)
            let isSame = found?.value.takeUnretainedValue() === model[key]
            #expect(isSame && (found == nil || found?.mark == (key & 1 == 1)), "seed \(seed)")
            #expect(table.count == model.count, "seed \(seed)")
        }
        #expect(Set(table.all.map(\.key)) == Set(model.keys), "seed \(seed)")
    }

    @Test("An output queue gives back what was put in, in order, across growth and reuse", arguments: [5, 6, 7] as [UInt64])
    func queue(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var queue = OutputQueue()
        var put: UInt8 = 0
        var got: UInt8 = 0
        for _ in 0..<2_000 {
            let size = Int.random(in: 1...4_000, using: &random)
            let room = queue.reserve(size)
            for index in 0..<size { room[index] = put; put &+= 1 }
            let taken = Int.random(in: 0...queue.count, using: &random)
            if let front = queue.front {
                var isInOrder = true
                for index in 0..<taken { isInOrder = isInOrder && front[index] == got; got &+= 1 }
                #expect(isInOrder, "seed \(seed)")
            }
            queue.consume(taken)
            if Int.random(in: 0..<50, using: &random) == 0 {
                got &+= UInt8(truncatingIfNeeded: queue.count)
                queue.consume(queue.count)
                queue.releaseIfIdle()
            }
        }
    }
}
