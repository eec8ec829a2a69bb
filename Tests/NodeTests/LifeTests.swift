import Ambience
import Testing
import Torrc

@testable import Node

@Suite("The life of a mote")
struct LifeTests {
    private let start = Instant(nanoseconds: 5_000_000_000)

    private func options(_ text: String) throws -> MoteOptions { try configuration(text).mote }

    @Test("a lifetime ends after itself, and its drain is at most a third of it")
    func lifetime() throws {
        let life = try #require(LifeSpan(options("MoteLifetime 15 minutes\nMoteDrainWindow 10 minutes"), startedAt: noon, start))
        #expect(life.expires == noon + 900 && life.drains == noon + 600)
        #expect(life.phase(at: noon + 599, start + .seconds(599)) == .running)
        #expect(life.phase(at: noon + 600, start + .seconds(600)) == .draining)
        #expect(life.phase(at: noon + 900, start + .seconds(900)) == .over)
    }

    @Test("a drain window that fits is kept as it is")
    func window() throws {
        let life = try #require(LifeSpan(options("MoteExpires 2027-01-31T13:00:00Z\nMoteDrainWindow 5 minutes"), startedAt: noon, start))
        #expect(life.expires == noon + 3600 && life.drains == noon + 3300)
    }

    @Test("either clock ends it: setting the wall clock back or sleeping prolongs nothing")
    func clocks() throws {
        let life = try #require(LifeSpan(options("MoteLifetime 900"), startedAt: noon, start))
        #expect(life.phase(at: noon - 86400, start + .seconds(900)) == .over)
        #expect(life.phase(at: noon + 900, start + .seconds(10)) == .over)
    }

    @Test("it never sleeps past what comes next, nor for long")
    func sleep() throws {
        let life = try #require(LifeSpan(options("MoteLifetime 900"), startedAt: noon, start))
        #expect(life.nextLook(at: noon, start) == .seconds(1))
        let late = start + .seconds(899) + .milliseconds(700)
        #expect(life.nextLook(at: noon + 899, late) == .milliseconds(300))
    }

    @Test("no option, no end")
    func endless() throws { #expect(try LifeSpan(options(""), startedAt: noon, start) == nil) }

    @Test("a mote whose end is past does not start")
    func past() throws {
        let scratch = try Scratch()
        let record = try LifeRecord(DataDirectory(path: scratch.path))
        let failure = #expect(throws: NodeFailure.self) { try record.life(options("MoteExpires 2027-01-31T11:59:59Z"), at: noon, start) }
        #expect(failure?.kind == .expired)
    }

    @Test("being restarted does not make a lifetime longer")
    func restarted() throws {
        let scratch = try Scratch()
        let record = try LifeRecord(DataDirectory(path: scratch.path))
        let first = try record.life(options("MoteLifetime 1 hour"), at: noon, start)
        let second = try record.life(options("MoteLifetime 1 hour"), at: noon + 600, start)
        #expect(first?.expires == second?.expires)
        #expect(throws: NodeFailure.self) { try record.life(options("MoteLifetime 1 hour"), at: noon + 3600, start) }
        record.forget()
        #expect(try record.life(options("MoteLifetime 1 hour"), at: noon + 3600, start)?.expires == noon + 7200)
    }

    @Test("a new lifetime read while running counts from the start")
    func changed() throws {
        let scratch = try Scratch()
        let record = try LifeRecord(DataDirectory(path: scratch.path))
        let life = try #require(try record.changed(from: options(""), to: options("MoteLifetime 1 hour"), startedAt: noon, now: noon + 600, start + .seconds(600)))
        #expect(life.expires == noon + 3600)
        #expect(life.phase(at: noon, start + .seconds(3600)) == .over)
        let other = try record.changed(from: options("MoteLifetime 1 hour"), to: options("MoteLifetime 1 hour\nMoteDrainWindow 60"), startedAt: noon + 500, now: noon + 600, start)
        #expect(other?.expires == noon + 3600, "another drain window does not move the end")
    }
}
