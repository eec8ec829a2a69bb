import Ambience
import Testing

@testable import Node

@Suite("When a descriptor is published")
struct PublicationTests {
    private func published(isTesting: Bool = false) -> PublicationSchedule {
        var schedule = PublicationSchedule(isTesting: isTesting)
        schedule.began(at: noon, observed: 100_000)
        schedule.ended(at: noon, isAccepted: true)
        return schedule
    }

    @Test("at start, and again after 18 hours")
    func regular() {
        #expect(PublicationSchedule(isTesting: false).isDue(at: noon, isListed: nil, observed: 0))
        let schedule = published()
        #expect(!schedule.isDue(at: noon + 17 * 3600, isListed: true, observed: 100_000))
        #expect(schedule.isDue(at: noon + 18 * 3600, isListed: true, observed: 100_000))
    }

    @Test("on a change, but not faster than the pause between tries")
    func change() {
        var schedule = published()
        schedule.change()
        #expect(!schedule.isDue(at: noon + 1, isListed: true, observed: 100_000))
        #expect(schedule.isDue(at: noon + 60, isListed: true, observed: 100_000))
    }

    @Test("after 90 minutes if the consensus does not list us, sooner in a testing network")
    func absent() {
        #expect(!published().isDue(at: noon + 5399, isListed: false, observed: 100_000))
        #expect(published().isDue(at: noon + 5400, isListed: false, observed: 100_000))
        #expect(published(isTesting: true).isDue(at: noon + 30, isListed: false, observed: 100_000))
    }

    @Test("when nobody took it, again")
    func refused() {
        var schedule = published()
        schedule.change()
        schedule.began(at: noon + 100, observed: 0)
        schedule.ended(at: noon + 101, isAccepted: false)
        #expect(schedule.isDue(at: noon + 160, isListed: true, observed: 0))
    }

    @Test("when bandwidth doubled, and not while it is still noise")
    func bandwidth() {
        #expect(published().isDue(at: noon + 1200, isListed: true, observed: 200_001))
        #expect(!published().isDue(at: noon + 1200, isListed: true, observed: 150_000))
        #expect(!published().isDue(at: noon + 1199, isListed: true, observed: 900_000))
    }

    @Test("a clock that was set back does not silence us")
    func clockSetBack() { #expect(published().isDue(at: noon - 3600, isListed: true, observed: 100_000)) }
}

@Suite("The status file's text")
struct JSONTests {
    @Test("quotes, backslashes and control characters are escaped")
    func escaping() {
        let value = JSONText.object([("a", .text("\"\\\n\u{1}é")), ("b", .list([.number(-1), .bool(true), .null]))])
        #expect(value.encoded == #"{"a":"\"\\\u000a\u0001é","b":[-1,true,null]}"#)
    }
}
