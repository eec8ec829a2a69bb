import Ambience
import Sealing
import Testing

@testable import Node

@Suite("Whose exit streams are taken")
struct KnownRelaysTests {
    private let freshUntil = WallTime("2026-11-21 12:00:00")!
    private let old = RSAIdentity([UInt8](repeating: 1, count: 20))!
    private let new = RSAIdentity([UInt8](repeating: 2, count: 20))!
    private var known: KnownRelays { KnownRelays(listed: [old], validAfter: freshUntil - 10, freshUntil: freshUntil) }

    @Test("A listed relay is known at any time, an unlisted one is not while the consensus is fresh")
    func fresh() {
        #expect(known.admits(old, at: freshUntil - 1) && known.admits(old, at: freshUntil + 86400))
        #expect(!known.admits(new, at: freshUntil - 1))
    }

    @Test("While the next consensus may be out and not here yet, a newcomer gets the benefit of the doubt, for a minute at most")
    func grace() {
        #expect(known.admits(new, at: freshUntil))
        #expect(known.admits(new, at: freshUntil + KnownRelays.newcomerGraceSeconds - 1))
        #expect(!known.admits(new, at: freshUntil + KnownRelays.newcomerGraceSeconds))
        #expect(!known.contains(new))
    }
}
