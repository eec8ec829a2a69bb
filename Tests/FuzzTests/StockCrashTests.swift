import Ambience
import Directory
import Onion
import Testing
import Voting

/// Input that crashed releases 0.4.9.5 to 0.4.9.10 of stock tor, or made them read what is not theirs.
///
/// Three crashes are tested where their rooms are: TROVE-2026-006 (CERTS out of order) by `LinkRefusalTests`, TROVE-2026-021 and -022 (truncated
/// streams, bombs of many streams) by `CompressionTests`. Those of clients and services of onion services (-013, -015, -020) have no counterpart here.
@Suite("What has crashed stock")
struct StockCrashTests {
    /// TROVE-2026-003: a cell body is eleven bytes longer than the relay message that must carry the answer on.
    @Test("a CREATED2 that no EXTENDED2 can carry is refused, whatever length it claims", arguments: [496, 497, 498, 507, 508, 65_535])
    func longAnswer(length: Int) throws {
        let body = [UInt8(length >> 8), UInt8(length & 255)] + [UInt8](repeating: 1, count: CellLayout.bodyBytes - 2)
        let message = try? Created2Message(body)
        #expect((message != nil) == (length <= CellLayout.relayDataBytes - 2))
        #expect((message?.encoded.count ?? 0) <= CellLayout.relayDataBytes)
    }

    /// TROVE-2026-007.
    @Test("a BEGIN that fills its cell and does not end its text is refused", arguments: [0, 1, 497, 498])
    func endlessBegin(count: Int) {
        for text in [[UInt8](repeating: 0x61, count: count), Array("a:80".utf8).suffix(count), [UInt8](repeating: 0x3A, count: count)] {
            #expect(throws: MessageError.self) { try BeginMessage(text) }
        }
    }

    /// TROVE-2026-011.
    @Test("messages that tell no reason have one all the same")
    func noReason() throws {
        #expect(try EndMessage([]).reason == .misc)
        #expect(DestroyReason(body: []) == DestroyReason.none)
    }

    /// Port 0 became the range 1-0, which an authority could not put into a vote.
    @Test("no policy names port 0 or a range that ends before it begins", arguments: ["accept *:0", "reject *:0", "accept *:0-80", "accept *:80-79", "accept *:1-0"])
    func portZero(line: String) {
        #expect(throws: PolicyError.self) { try ExitPolicy(torrc: line) }
        #expect(PolicySummary("accept 0") == nil)
        #expect(PolicySummary("accept 1-0") == nil)
    }

    /// TROVE-2026-019.
    @Test("signatures by digests that nobody knows are passed over, and those of the wrong size refused")
    func signatureDigests() throws {
        let signature = "-----BEGIN SIGNATURE-----\nAAAA\n-----END SIGNATURE-----\n"
        func document(_ lines: String) -> [UInt8] {
            let times = "valid-after 2026-01-01 10:00:00\nfresh-until 2026-01-01 11:00:00\nvalid-until 2026-01-01 13:00:00\n"
            return Array(("consensus-digest \(String(repeating: "A", count: 40))\n" + times + lines).utf8)
        }
        let names = "\(String(repeating: "B", count: 40)) \(String(repeating: "C", count: 40))\n"
        let strange = try DetachedSignatures(document("additional-digest microdesc sha512 AA\nadditional-signature microdesc sha512 " + names + signature
            + "directory-signature sha3-256 " + names + signature))
        let known = strange.signatures.values.flatMap { $0 }
        #expect(known.isEmpty)
        #expect(throws: DocumentError.self) { try DetachedSignatures(document("additional-digest microdesc sha256 AA\n")) }
    }

    /// A parameter of 0 or of its other extreme must not divide, loop or trap.
    @Test("parameters at either end of their ranges make flow control that works", arguments: [true, false])
    func extremeParameters(isLow: Bool) throws {
        var notes = CongestionStatistics()
        let parameters = FlowParameters { name, fallback, range in name == "cc_alg" ? 2 : isLow ? range.lowerBound : range.upperBound }
        var window = CircuitWindow(parameters, sendmeIncrement: parameters.sendmeIncrement)
        for round in 0..<2000 where window.isOpen {
            if window.sent() { try window.acknowledged(roundTrip: .milliseconds(Int64(round % 7)), isBlocked: round % 5 == 0, &notes) }
        }
        #expect(window.inFlight >= 0)
    }

    /// A relay that claims 0.0.0.0.
    @Test("nobody connects to the address that is none")
    func noAddress() {
        #expect(IPAddress.v4(0).isPrivate)
        #expect(IPAddress.v6(0, 0).isPrivate)
    }
}
