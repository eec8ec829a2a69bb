import Ambience
import Foundation
import Loops
import Sealing
import Spool
import Testing

enum SpoolReading {
    /// What a spool that starts on this disk finds.
    static func contents(of disk: PowerCutDisk, key: SecretBytes) throws -> [[UInt8]: [UInt8]] {
        let spool = try Spool(loop: EventLoop(), key: key, disk: disk)
        return try Dictionary(uniqueKeysWithValues: spool.ids().map { ($0, try #require(try spool.payload(of: $0))) })
    }
}

@Suite("A spool")
struct SpoolTests {
    private let loop = EventLoop()
    private let key = SecretBytes.random(32)
    private let folder = NSTemporaryDirectory() + "spool-\(UUID().uuidString)"

    private func run(_ commits: [[SpoolChange]], on spool: Spool) -> [Bool] {
        var results: [Bool] = []
        for commit in commits { spool.commit(commit) { results.append((try? $0.get()) != nil) } }
        let end = Date().addingTimeInterval(120)
        while results.count < commits.count, Date() < end { loop.turn(wait: true) }
        return results
    }

    @Test("what was appended is there at the next start, and what was removed is not")
    func keeps() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let large = [UInt8](repeating: 5, count: 3 << 20)
        var spool: Spool? = try Spool(loop: loop, key: key, folder: folder)
        #expect(run([[.append(kind: 1, id: [1], payload: [1, 2, 3])], [.append(kind: 2, id: [2], payload: large)], [.append(kind: 1, id: [3], payload: [])], [.remove(id: [3])]], on: spool!) == [true, true, true, true])
        #expect(spool?.count == 2)
        spool = nil
        let again = try Spool(loop: loop, key: key, folder: folder)
        #expect(again.ids(of: 1) == [[1]] && again.ids(of: 2) == [[2]])
        #expect(try again.payload(of: [1]) == [1, 2, 3] && again.payload(of: [2]) == large && again.payload(of: [3]) == nil)
    }

    @Test("nothing of it can be read on the disk, and with another key nothing is found, nor lost unless that is asked for")
    func isSealed() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let secret = Array("a letter to somebody".utf8)
        var spool: Spool? = try Spool(loop: loop, key: key, folder: folder)
        #expect(run([[.append(kind: 1, id: secret, payload: secret)]], on: spool!) == [true])
        spool = nil
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
            #expect(try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name)).range(of: Data("letter".utf8)) == nil)
        }
        spool = try Spool(loop: loop, key: .random(32), folder: folder)
        #expect(spool?.count == 0 && spool?.foreignSegments == 1)
        spool = try Spool(loop: loop, key: key, folder: folder)
        #expect(spool?.count == 1)
        spool = try Spool(loop: loop, key: .random(32), folder: folder, forgetsForeign: true)
        spool = try Spool(loop: loop, key: key, folder: folder)
        #expect(spool?.count == 0)
    }

    @Test("all who wait are served by few syncs")
    func groups() throws {
        let disk = PowerCutDisk(seed: 1), spool = try Spool(loop: loop, key: key, disk: disk)
        let commits = (0..<500).map { [SpoolChange.append(kind: 0, id: [UInt8($0 >> 8), UInt8($0 & 255)], payload: [UInt8](repeating: 1, count: 1000))] }
        #expect(run(commits, on: spool).allSatisfy { $0 })
        #expect(spool.count == 500 && disk.syncs < 250)
    }

    @Test("more than may lie there is refused, and room that is made is used")
    func isBounded() throws {
        var limits = SpoolLimits()
        limits.liveBytes = 10_000
        let spool = try Spool(loop: loop, key: key, disk: PowerCutDisk(seed: 1), limits: limits)
        let letters = (0..<12 as Range<UInt8>).map { [SpoolChange.append(kind: 0, id: [$0], payload: [UInt8](repeating: 1, count: 950))] }
        #expect(run(letters, on: spool).filter { $0 }.count == 10)
        #expect(run([[.remove(id: [0])]], on: spool) == [true] && run([letters[11]], on: spool) == [true])
    }

    @Test("segments in which little is live are written again and removed")
    func tidiesUp() throws {
        var limits = SpoolLimits()
        limits.segmentBytes = 20_000
        let disk = PowerCutDisk(seed: 1), spool = try Spool(loop: loop, key: key, disk: disk, limits: limits)
        #expect(run([[.append(kind: 9, id: [255, 255], payload: [42])]], on: spool) == [true])
        for round in 0..<300 {
            let id = [UInt8(round >> 8), UInt8(round & 255)]
            _ = run([[.append(kind: 0, id: id, payload: [UInt8](repeating: 1, count: 2000))], [.remove(id: id)]], on: spool)
        }
        #expect(try disk.list().count <= 5 && spool.count == 1)
        #expect(try SpoolReading.contents(of: disk.afterKill(), key: key) == [[255, 255]: [42]])
    }
}
