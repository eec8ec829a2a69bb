import Ambience
import Cradle
import Testing

@Suite("The end of a machine")
struct MachineEndTests {
    static let now = WallTime(secondsSinceEpoch: 1_800_000_000)
    static let instant = Instant.zero + .seconds(5)

    @Test("comes half a minute after its order's, by the wall clock and by the one that nobody can set")
    func bothClocks() throws {
        let end = try MachineEnd(Self.now + 600, at: Self.now, Self.instant)
        #expect(end.remaining(at: Self.now, Self.instant) == .seconds(630))
        #expect(end.remaining(at: Self.now + 630, Self.instant) == .seconds(0))
        #expect(end.remaining(at: Self.now, Self.instant + .seconds(630)) == .seconds(0))
    }

    @Test("is no later when the wall clock is set back")
    func setBack() throws {
        let end = try MachineEnd(Self.now + 600, at: Self.now, Self.instant)
        #expect(end.remaining(at: Self.now - 86400, Self.instant + .seconds(600)) == .seconds(30))
    }

    @Test("is refused with a clock that was never set, once it is over, and when it is further away than any promise")
    func absurd() {
        for (expires, now) in [(Self.now, MachineEnd.earliest - 1), (Self.now, Self.now), (Self.now + MachineEnd.longestSeconds + 1, Self.now)] {
            #expect(throws: CradleFailure.self) { try MachineEnd(expires, at: now, Self.instant) }
        }
    }
}
