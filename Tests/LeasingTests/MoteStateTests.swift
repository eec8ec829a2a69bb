import Ambience
import Foundation
import Leasing
import Testing

@Suite struct MoteStateTests {
    private let now = WallTime(secondsSinceEpoch: 1_800_000_000)
    private let key = MoteKey(high: 0x0123_4567_89AB_CDEF, low: 0xFF)
    private var lease: Lease { Lease(key: key, lifetimeClass: .normal, intended: now, expires: now + 100, drainSeconds: 20) }

    @Test("A life goes from intent to proven gone, and nowhere else")
    func life() throws {
        var ledger = Ledger()
        for change: MoteChange in [.intended(lease), .starting(attempt: 1), .running, .listed, .unlisted, .listed, .draining(.expiry), .terminating(.expiry), .gone(.expiry)] {
            try ledger.apply(MoteEvent(key: key, at: now, change: change))
        }
        #expect(ledger.alive.isEmpty)
        for change: MoteChange in [.intended(lease), .starting(attempt: 2), .running, .listed, .draining(.wish), .terminating(.wish), .gone(.wish)] {
            #expect(throws: IllegalStep.self) { try ledger.apply(MoteEvent(key: key, at: now, change: change)) }
        }
    }

    @Test("A step of an unknown mote is refused, and so is a lease under another key")
    func unknown() {
        var ledger = Ledger()
        #expect(throws: IllegalStep.self) { try ledger.apply(MoteEvent(key: key, at: now, change: .running)) }
        #expect(throws: IllegalStep.self) { try ledger.apply(MoteEvent(key: MoteKey(high: 0, low: 0), at: now, change: .intended(lease))) }
    }

    @Test("A lease that was recorded before there were sites is of this machine and costs nothing")
    func oldRecord() throws {
        let text = #"{"lease":{"drainSeconds":20,"expires":{"secondsSinceEpoch":200},"intended":{"secondsSinceEpoch":100},"key":"0123456789abcdef00000000000000ff","lifetimeClass":"normal"},"starts":[{"secondsSinceEpoch":101}],"state":{"starting":{"_0":{"attempt":1,"since":{"secondsSinceEpoch":101}}}}}"#
        let record = try JSONDecoder().decode(MoteRecord.self, from: Data(text.utf8))
        #expect(record.lease.site == .local && record.lease.ceiling == nil && record.endsEarly == nil && record.state.attempts == 1)
        #expect(try JSONDecoder().decode(MoteRecord.self, from: JSONEncoder().encode(record)) == record)
    }

    @Test("A provider's notice shortens a life and nothing prolongs it again")
    func shortened() throws {
        var ledger = Ledger()
        for change: MoteChange in [.intended(lease), .starting(attempt: 1), .shortened(until: now + 50), .running, .shortened(until: now + 80)] {
            try ledger.apply(MoteEvent(key: key, at: now, change: change))
        }
        let record = try #require(ledger.records[key])
        #expect(record.expires == now + 50 && record.drains == now + 30 && record.lease.expires == now + 100)
    }

    @Test("Keys are written with 32 hex digits and read back, and nothing else is a key")
    func keys() {
        #expect(key.description == "0123456789abcdef00000000000000ff")
        #expect(MoteKey(key.description) == key)
        #expect(key.nickname == "dust0123456789abcde")
        #expect(key.nickname.utf8.count <= 19)
        for text in ["", "0123456789ABCDEF00000000000000ff", "0123456789abcdef00000000000000f", "+123456789abcdef00000000000000ff", "../../etc/passwd"] {
            #expect(MoteKey(text) == nil)
        }
    }

    @Test("What is gone is forgotten after a while, and only that")
    func forgotten() throws {
        var ledger = Ledger()
        try ledger.apply(MoteEvent(key: key, at: now, change: .intended(lease)))
        #expect(ledger.forget(before: now + 100_000).isEmpty)
        try ledger.apply(MoteEvent(key: key, at: now, change: .gone(.wish)))
        #expect(ledger.forget(before: now + 10).isEmpty)
        #expect(ledger.forget(before: now + 100_000) == [key])
    }
}
