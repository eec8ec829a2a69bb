import Ambience
import Coordination
import Foundation
import Leasing
import Prices
import Providers
import Testing

/// A state folder of its own, removed at the end.
final class Scratch {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("dustcloud-\(UUID().uuidString)").path
    lazy var folder: StateFolder = try! StateFolder(path)

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

private let now = WallTime(secondsSinceEpoch: 1_800_000_000)

private func settings() -> CloudSettings {
    CloudSettings(
        mode: .up, policy: .standard,
        network: NetworkPlan(
            authorityORPort: 1, authorityDirPort: 2, authorityIdentity: "A", authorityFingerprint: "B", votingIntervalSeconds: 10,
            isExitToPrivateAllowed: false, socks: "127.0.0.1:9150", streamLifeSeconds: 60))
}

@Suite struct StoreTests {
    @Test("What one store wrote another reads: settings, motes with their steps, and wishes")
    func survives() throws {
        let scratch = Scratch()
        let store = try Store(scratch.folder)
        let key = MoteKey(high: 1, low: 2)
        var ledger = Ledger()
        let steps: [MoteChange] = [
            .intended(Lease(key: key, lifetimeClass: .longLived, intended: now, expires: now + 60, drainSeconds: 6)), .starting(attempt: 1), .running,
            .listed, .draining(.expiry),
        ]
        for (index, change) in steps.enumerated() {
            let event = MoteEvent(key: key, at: now + Int64(index), change: change)
            try store.record(event, try ledger.apply(event))
        }
        try store.save(settings())
        try store.wish(.drain, for: key)
        let other = try Store(scratch.folder)
        #expect(try other.ledger() == ledger)
        #expect(try other.events(of: key).map(\.change) == steps)
        #expect(try other.settings() == settings())
        #expect(try other.wishes() == [key: .drain])
        try other.fulfilled(key)
        #expect(try store.wishes().isEmpty)
    }

    @Test("What forgotten motes cost is not forgotten with them")
    func spent() throws {
        let scratch = Scratch()
        let store = try Store(scratch.folder)
        let key = MoteKey(high: 1, low: 2)
        let usd = try #require(Currency(rawValue: "USD")), price = try #require(Amount("0.0092"))
        var ledger = Ledger()
        let lease = Lease(key: key, lifetimeClass: .normal, intended: now, expires: now + 60, drainSeconds: 6, ceiling: Money(price, usd))
        for change: MoteChange in [.intended(lease), .starting(attempt: 1), .gone(.lost)] {
            let event = MoteEvent(key: key, at: now, change: change)
            try store.record(event, try ledger.apply(event))
        }
        #expect(ledger.committed[usd] == price)
        let old = ledger.forget(before: now + 7200)
        try store.forget(old, spent: ledger.spent, now: now)
        #expect(old == [key])
        let other = try Store(scratch.folder).ledger()
        #expect(other == ledger && other.records.isEmpty && other.committed[usd] == price)
    }

    @Test("Taking a cloud down changes nothing else of it, and where there is none, nothing")
    func mode() throws {
        let scratch = Scratch()
        let store = try Store(scratch.folder)
        #expect(try !store.setMode(.down))
        try store.save(settings())
        #expect(try store.setMode(.down))
        #expect(try store.settings()?.mode == .down)
        #expect(try store.settings()?.policy == .standard)
        try store.clearCloud()
        #expect(try store.settings() == nil)
    }

    @Test("The lock has one holder and is free again when it is let go")
    func lock() throws {
        let scratch = Scratch()
        let folder = scratch.folder
        try hold(folder) {
            let isFreeNow = try isFree(folder)
            #expect(!isFreeNow)
            #expect(StateLock.holder(folder) == ProcessInfo.processInfo.processIdentifier)
        }
        #expect(StateLock.holder(folder) == nil)
        #expect(try isFree(folder))
    }

    @Test("A lock that somebody only looks at for a moment, or that an ended holder's child still has, is waited for")
    func glance() throws {
        let scratch = Scratch()
        let folder = scratch.folder
        #expect(try isFree(folder))
        for kind in [LOCK_SH, LOCK_EX] {
            // Nobody has this number: the holder has ended.
            try Data("\(Int32.max)\n".utf8).write(to: URL(fileURLWithPath: folder.path + "/lock"))
            let fd = open(folder.path + "/lock", O_RDWR | O_CLOEXEC)
            #expect(fd >= 0 && flock(fd, kind) == 0)
            Thread.detachNewThread {
                usleep(100_000)
                close(fd)
            }
            #expect(try isFree(folder))
        }
    }

    private func hold(_ folder: StateFolder, while body: () throws -> Void) throws {
        guard let lock = try StateLock(folder) else {
            Issue.record("the lock is not free")
            return
        }
        try body()
        _ = consume lock
    }

    private func isFree(_ folder: StateFolder) throws -> Bool {
        guard let lock = try StateLock(folder) else { return false }
        _ = consume lock
        return true
    }

    @Test("A state folder that others may read is refused, and so is a path that a torrc cannot hold")
    func refused() throws {
        let scratch = Scratch()
        try FileManager.default.createDirectory(atPath: scratch.path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        #expect(throws: CoordinationError.self) { try StateFolder(scratch.path) }
        let odd = Scratch()
        #expect(throws: CoordinationError.self) { try StateFolder(odd.path + "#1") }
        try? FileManager.default.removeItem(atPath: odd.path + "#1")
    }

    @Test("A database that is none is an error that names it")
    func corrupted() throws {
        let scratch = Scratch()
        try Data("this is no database, but long enough to look like something".utf8).write(to: URL(fileURLWithPath: scratch.folder.database))
        #expect { try Store(scratch.folder) } throws: { "\($0)".contains("state.sqlite") }
    }
}
