import Ambience
import Foundation
import Loops
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
            limits.segmentBytes = 12_000
            limits.aheadBytes = 6_000
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
            // Whatever failed before was settled first.
            if isDone { for id in expected.keys { expected[id]?.possible = [] } }
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
            let at = Int.random(in: 1...30, using: &random)
            disk = disk.afterKill(fault: [.cut(at), .failedSync(at / 2 + 1), .failedFolderSync(at / 8 + 1)].randomElement(using: &random) ?? .none)
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

    @Test("a sync that fails is never believed: what it was for is not acknowledged, what was acknowledged stays, and whoever starts next relies on neither", arguments: 0..<UInt64(seeds))
    func failedSyncs(seed: UInt64) throws {
        for at in 1...60 {
            var author = Author(seed: seed)
            let disk = PowerCutDisk(seed: seed, fault: .failedSync(at)), goesOn = at % 2 == 0
            let isWell = author.work(on: disk, batches: 25, goesOn: goesOn)
            // Up to then all is well; and after it, too, if it was for tidying up.
            #expect(disk.syncs < at ? isWell : isWell || author.acknowledged < author.serial)
            var lost = author
            try lost.check(disk.afterPowerLoss(seed: UInt64(at)), "seed \(seed), sync \(at)")
            let successor = disk.afterKill()
            try author.check(successor, "seed \(seed), sync \(at), killed")
            try author.check(successor.afterPowerLoss(seed: UInt64(at)), "seed \(seed), sync \(at), killed, power lost after the next start")
        }
    }

    @Test("a folder that cannot be synced loses nothing, and the log goes on", arguments: 0..<UInt64(seeds))
    func failedFolderSyncs(seed: UInt64) throws {
        for at in 1...8 {
            var author = Author(seed: seed)
            let disk = PowerCutDisk(seed: seed, fault: .failedFolderSync(at))
            #expect(!author.work(on: disk, batches: 25, goesOn: true) && disk.folderSyncs > at && author.acknowledged > 20)
            try author.check(disk.afterPowerLoss(seed: UInt64(at)), "seed \(seed), folder \(at)")
        }
    }

    @Test("nobody who waits for a sync that fails is told that all is well, and whatever of it the next start finds is there for good", arguments: 0..<UInt64(seeds))
    func waiting(seed: UInt64) throws {
        let disk = PowerCutDisk(seed: seed, fault: .failedSync(2)), loop = EventLoop(), spool = try Spool(loop: loop, key: Author.key, disk: disk)
        var results: [Bool] = []
        for number in 0..<20 as Range<UInt8> { spool.append(kind: 0, id: [number], payload: [number]) { results.append((try? $0.get()) != nil) } }
        while results.count < 20 { loop.turn(wait: true) }
        let failed = results.indices.filter { !results[$0] }
        #expect(!failed.isEmpty && failed.allSatisfy { !spool.contains([UInt8($0)]) })
        let next = disk.afterKill(), found = try SpoolReading.contents(of: next, key: Author.key)
        #expect(results.indices.allSatisfy { !results[$0] || found[[UInt8($0)]] == [UInt8($0)] })
        #expect(try SpoolReading.contents(of: next.afterPowerLoss(seed: seed), key: Author.key) == found)
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

    @Test("a flipped bit in a record, in its length or in the page before costs that record only, and is counted")
    func flippedBit() throws {
        let page = 4_096
        for (place, left) in [(page * 3 + 60, 4), (page * 3 + 1, 4), (page * 2 + 3_000, 5), (page * 3 + 8, 4)] {
            var limits = SpoolLimits()
            limits.aheadBytes = 0
            let disk = PowerCutDisk(seed: 1), writer = try SpoolWriter(key: Author.key, disk: disk, limits: limits)
            for number in 0..<5 as Range<UInt8> { try writer.write([[.append(kind: 0, id: [number], payload: [UInt8](repeating: number, count: 100))]]) }
            let file = try disk.open(try #require(disk.list().first)), was = try file.read(1, at: place)
            try file.write([was[0] ^ 4], at: place)
            let spool = try Spool(loop: EventLoop(), key: Author.key, disk: disk.afterKill())
            #expect(spool.count == left && spool.damagedRecords == 5 - left, "\(place)")
        }
    }

    @Test("a segment whose first bytes cannot be read is not taken for an empty one, and one that is void stays so")
    func damagedHead() throws {
        let disk = PowerCutDisk(seed: 1), writer = try SpoolWriter(key: Author.key, disk: disk)
        try writer.write([[.append(kind: 0, id: [1], payload: [1])]])
        let name = try #require(disk.list().first), file = try disk.open(name), head = try file.read(64, at: 0)
        // What it is called can be made good.
        try file.write([0], at: 0)
        #expect(try SpoolReading.contents(of: disk.afterKill(), key: Author.key) == [[1]: [1]])
        // What it is sealed with cannot.
        try file.write([head[30] ^ 1], at: 30)
        let spool = try Spool(loop: EventLoop(), key: Author.key, disk: disk.afterKill())
        #expect(spool.count == 0 && spool.foreignSegments == 1)
        try file.write(head, at: 0)
        #expect(try SpoolReading.contents(of: disk.afterKill(), key: Author.key) == [[1]: [1]])
        try file.write(Array("dust spool void\n".utf8), at: 0)
        let void = disk.afterKill()
        #expect(try SpoolReading.contents(of: void, key: Author.key).isEmpty)
        let next = try SpoolWriter(key: Author.key, disk: void)
        try next.write([[.append(kind: 0, id: [2], payload: [2])]])
        #expect(try !void.list().contains(name))
    }

    @Test("a process that is started again and again and writes nothing does not leave more behind each time")
    func restarts() throws {
        var disk = PowerCutDisk(seed: 1)
        let writer = try SpoolWriter(key: Author.key, disk: disk, limits: Author.limits)
        for number in 0..<12 as Range<UInt8> { try writer.write([[.append(kind: 0, id: [number], payload: [UInt8](repeating: number, count: 900))]]) }
        let files = try disk.list().count
        for _ in 0..<20 {
            disk = disk.afterKill()
            _ = try SpoolWriter(key: Author.key, disk: disk, limits: Author.limits)
            #expect(try disk.list().count <= 2 * files)
        }
        #expect(try SpoolReading.contents(of: disk, key: Author.key).count == 12)
    }
}
