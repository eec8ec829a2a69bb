import Ambience
import Foundation
import Sealing
import Spool
import Testing

/// The log on a disk that fails at every operation in turn.
@Suite("A spool that is cut off")
struct SpoolCrashTests {
    /// What may be found of one id: its last acknowledged state, and every state that a commit without an answer would have given it.
    private struct Expected {
        var certain: [UInt8]?
        var possible: [[UInt8]?] = []
    }

    /// Writes by chance and remembers what it was told.
    private struct Author {
        static let key = SecretBytes([UInt8](repeating: 7, count: 32))
        var random: SeededRandom
        var expected: [[UInt8]: Expected] = [:]
        var serial = 0
        var live: [Int] = []
        var acknowledged = 0

        static var limits: SpoolLimits {
            var limits = SpoolLimits()
            limits.segmentBytes = 3_000
            limits.aheadBytes = 1_500
            return limits
        }

        init(seed: UInt64) { random = SeededRandom(seed: seed) }

        static func id(_ serial: Int, _ half: UInt8) -> [UInt8] { [half, UInt8(serial >> 8), UInt8(serial & 255)] }

        /// Both halves of something new, in one commit, which may take away both halves of something old.
        mutating func commit() -> [SpoolChange] {
            serial += 1
            var changes: [SpoolChange] = []
            if live.count > 3, Bool.random(using: &random) {
                let old = live.remove(at: Int.random(in: 0..<live.count, using: &random))
                changes = [.remove(id: Self.id(old, 0)), .remove(id: Self.id(old, 1))]
            }
            if changes.isEmpty || Int.random(in: 0..<3, using: &random) > 0 {
                let payload = [UInt8](repeating: UInt8(truncatingIfNeeded: serial), count: Int.random(in: 0..<900, using: &random))
                changes += [.append(kind: 1, id: Self.id(serial, 0), payload: payload), .append(kind: 2, id: Self.id(serial, 1), payload: payload)]
                live.append(serial)
            }
            return changes
        }

        mutating func note(_ batch: [[SpoolChange]], isDone: Bool) {
            for change in batch.joined() {
                switch change {
                case .append(_, let id, let payload): note(id, payload, isDone)
                case .remove(let id): note(id, nil, isDone)
                }
            }
            if isDone { acknowledged += batch.count }
        }

        private mutating func note(_ id: [UInt8], _ payload: [UInt8]?, _ isDone: Bool) {
            var entry = expected[id] ?? Expected()
            if isDone { entry = Expected(certain: payload) } else { entry.possible.append(payload) }
            expected[id] = entry
        }

        /// Writes until something fails or enough is done. `true` when all went well.
        mutating func work(on disk: PowerCutDisk, batches: Int, goesOn: Bool = false) -> Bool {
            guard let writer = try? SpoolWriter(key: Self.key, disk: disk, limits: Self.limits) else { return false }
            var isWell = true
            for _ in 0..<batches {
                let batch = (0..<Int.random(in: 1...3, using: &random)).map { _ in commit() }
                let isDone = (try? writer.write(batch)) != nil
                note(batch, isDone: isDone)
                isWell = isWell && isDone
                if !isDone, !goesOn { return false }
            }
            return isWell
        }

        /// Compares with what a spool finds there, and takes that for certain from now on.
        mutating func check(_ disk: PowerCutDisk, _ note: Comment) throws {
            let found = try Self.contents(of: disk)
            for (id, entry) in expected {
                let allowed = entry.possible + [entry.certain]
                #expect(allowed.contains(found[id]), "\(note): \(id) is \(found[id]?.count ?? -1) bytes, not one of \(allowed.map { $0?.count ?? -1 })")
                expected[id] = Expected(certain: found[id])
            }
            for id in found.keys where id[0] == 0 { #expect(found[[1] + id.dropFirst()] == found[id], "\(note): one half of \(id)") }
            live = found.keys.filter { $0[0] == 0 }.map { Int($0[1]) << 8 | Int($0[2]) }.sorted()
        }

        static func contents(of disk: PowerCutDisk) throws -> [[UInt8]: [UInt8]] { try SpoolReading.contents(of: disk, key: key) }
    }

    private static let seeds = (Int(ProcessInfo.processInfo.environment["DUSTCLOUD_SEEDS"] ?? "") ?? 1) * 2

    @Test("lost power at any operation loses nothing that was acknowledged, and leaves no half of anything", arguments: 0..<UInt64(seeds))
    func powerLoss(seed: UInt64) throws {
        var whole = Author(seed: seed)
        let quiet = PowerCutDisk(seed: seed)
        let isWhole = whole.work(on: quiet, batches: 24)
        #expect(isWhole)
        try whole.check(quiet.afterKill(), "nothing happened")
        #expect(quiet.operations > 30)
        for cut in 1...quiet.operations {
            var author = Author(seed: seed)
            let disk = PowerCutDisk(seed: seed &* 7919 &+ UInt64(cut), fault: .cut(cut))
            _ = author.work(on: disk, batches: 24)
            let found = disk.afterPowerLoss(seed: UInt64(cut))
            try author.check(found, "seed \(seed), cut at \(cut)")
            // What was found once is there for good.
            try author.check(found.afterPowerLoss(seed: UInt64(cut) + 1), "seed \(seed), cut at \(cut), and again")
        }
    }

    @Test("a killed process loses nothing either, and what its successor found outlives lost power", arguments: 0..<UInt64(seeds))
    func kills(seed: UInt64) throws {
        var author = Author(seed: seed + 100), disk = PowerCutDisk(seed: seed), random = SeededRandom(seed: seed)
        for round in 0..<60 {
            let cut = Int.random(in: 1...30, using: &random)
            disk = disk.afterKill(fault: .cut(cut))
            _ = author.work(on: disk, batches: 12)
            disk = disk.afterKill()
            try author.check(disk, "seed \(seed), round \(round)")
            if Bool.random(using: &random) {
                disk = disk.afterPowerLoss(seed: random.next())
                try author.check(disk, "seed \(seed), round \(round), power lost after the next start")
            }
        }
        #expect(author.acknowledged > 30)
    }

    @Test("a sync that fails is never believed: what it was for is not acknowledged, and what was acknowledged stays", arguments: 0..<UInt64(seeds))
    func failedSyncs(seed: UInt64) throws {
        for at in 1...60 {
            var author = Author(seed: seed)
            let disk = PowerCutDisk(seed: seed, fault: .failedSync(at))
            let isWell = author.work(on: disk, batches: 25, goesOn: true)
            #expect(disk.syncs < at || !isWell || at > 40 || author.acknowledged > 0)
            try author.check(disk.afterPowerLoss(seed: UInt64(at)), "seed \(seed), sync \(at)")
        }
    }

    @Test("a disk that is full for a while refuses, and then goes on with everything it had", arguments: 0..<UInt64(seeds))
    func fullDisk(seed: UInt64) throws {
        for from in 1...30 {
            var author = Author(seed: seed)
            let disk = PowerCutDisk(seed: seed, fault: .full(from, count: 5))
            let isWell = author.work(on: disk, batches: 30, goesOn: true)
            #expect(!isWell && author.acknowledged > 20)
            try author.check(disk.afterPowerLoss(seed: UInt64(from)), "seed \(seed), full from \(from)")
        }
    }

    @Test("a flipped bit in one record costs that record only, and is counted")
    func flippedBit() throws {
        var limits = SpoolLimits()
        limits.aheadBytes = 0
        let disk = PowerCutDisk(seed: 1), writer = try SpoolWriter(key: Author.key, disk: disk, limits: limits)
        for number in 0..<5 as Range<UInt8> { try writer.write([[.append(kind: 0, id: [number], payload: [UInt8](repeating: number, count: 100))]]) }
        let file = try disk.open(try #require(disk.list().first)), size = try file.size()
        let middle = try file.read(1, at: size - 250)
        try file.write([middle[0] ^ 4], at: size - 250)
        let found = try SpoolReading.contents(of: disk.afterKill(), key: Author.key)
        #expect(found.count == 4)
    }
}
