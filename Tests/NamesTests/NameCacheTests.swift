import Ambience
import Testing

@testable import Names

private let now = Instant(nanoseconds: 1_000_000_000_000)
private let answer = NameCache.Answer.addresses([.v4(1)])

private func after(_ seconds: Int64) -> Instant { now + .seconds(seconds) }

@Suite("Names an exit remembers")
struct NameCacheTests {
    @Test("an answer is kept for its own time, but at least a minute and at most an hour", arguments: [(0, 60), (60, 60), (900, 900), (3600, 3600), (90_000, 3600)] as [(UInt32, Int64)])
    func clipping(_ ttl: UInt32, _ kept: Int64) {
        var cache = NameCache()
        cache.keep(answer, of: "a", ttlSeconds: ttl, at: now)
        #expect(cache.find("a", at: after(kept - 1)) == answer)
        #expect(cache.find("a", at: after(kept)) == nil)
    }

    @Test("the newest answer of a name counts, and outlives the end of the older one")
    func renewal() {
        var cache = NameCache(limit: 3)
        cache.keep(answer, of: "a", ttlSeconds: 60, at: now)
        cache.keep(.missing, of: "a", ttlSeconds: 60, at: after(60))
        cache.keep(answer, of: "b", ttlSeconds: 60, at: after(61))
        cache.keep(answer, of: "c", ttlSeconds: 60, at: after(62))
        #expect(cache.find("a", at: after(63)) == .missing)
        cache.keep(answer, of: "d", ttlSeconds: 60, at: after(64))
        #expect(cache.find("a", at: after(64)) == nil && cache.find("b", at: after(64)) == answer)
    }

    @Test("it never holds more than its limit, and always what came last")
    func bound() {
        var cache = NameCache(limit: 100)
        for number in 0..<10_000 {
            cache.keep(answer, of: "\(number % 317)", ttlSeconds: 60, at: after(Int64(number)))
            #expect(cache.count <= 100 && cache.find("\(number % 317)", at: after(Int64(number))) == answer)
        }
    }
}

@Suite("Name servers that lie")
struct HijackDetectorTests {
    private let liar = IPAddress.v4(0x0A0B_0C0D)

    @Test("an address that comes for name after name that does not exist is the hijacker's; one that comes now and then is not")
    func detection() {
        var detector = HijackDetector()
        for number in 0..<12 { detector.note(probe: number % 2 == 0 ? [liar] : number == 1 ? [.v4(7)] : []) }
        #expect(detector.isHijacking && detector.isHijacked(liar) && !detector.isHijacked(.v4(7)))
    }

    @Test("nothing is concluded from a few questions")
    func patience() {
        var detector = HijackDetector()
        for _ in 0..<10 { detector.note(probe: [liar]) }
        #expect(!detector.isHijacking)
        detector.note(probe: [])
        #expect(detector.isHijacking)
    }

    @Test("a name server is of no use when most sites that exist lead to the hijacker, and of use again when they do not")
    func broken() {
        var detector = HijackDetector()
        for _ in 0..<12 { detector.note(probe: [liar]) }
        #expect(!detector.isBroken)
        for site in ["a", "b"] { detector.note(site: site, [liar]) }
        detector.note(site: "c", [.v4(9)])
        #expect(detector.isBroken)
        for site in ["a", "b"] { detector.note(site: site, [.v4(8)]) }
        #expect(!detector.isBroken)
    }

    @Test("one round of probes is enough for a conclusion")
    func round() { #expect(HijackDetector.probeEndings.count * HijackDetector.probesPerEnding > 10) }
}

@Suite("Host names")
struct HostNameTests {
    @Test("letters, digits, hyphens and underscores between dots", arguments: ["a", "www.example.com", "www.example.com.", "_dmarc.x-y.z9", "1.2.3"])
    func legal(_ name: String) { #expect(HostName.isLegal(name)) }

    @Test(
        "anything else is not asked for",
        arguments: ["", ".", "a..b", ".a", "a b", "a/b", "ä.de", "a:1", "\0", String(repeating: "a", count: 64), String(repeating: "a.", count: 127)])
    func illegal(_ name: String) { #expect(!HostName.isLegal(name)) }
}
