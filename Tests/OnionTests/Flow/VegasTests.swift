import Ambience
import Foundation
import Testing

@testable import Onion

@Suite("Vegas")
struct VegasTests {
    /// The parameters of the published sequences.
    private static let parameters = FlowParameters { name, fallback, _ in ["cc_sscap_exit": 600, "cc_ss_max": 5000][name] ?? fallback }

    @Test("grows and shrinks as stock's does, step by step", arguments: 0..<4)
    func vectors(sequence: Int) throws {
        var notes = CongestionStatistics()
        let sequences = try #require(try Vectors.load("congestion_vegas")["sequences"] as? [[[Int]]])
        var vegas = Vegas(Self.parameters.vegas, sendmeIncrement: 31)
        for (index, row) in sequences[sequence].enumerated() {
            let trip = Instant.Span(nanoseconds: Int64(row[1] - row[0]) * 1000)
            vegas.acknowledged(roundTrip: trip, inFlight: row[3], isBlocked: row[2] == 1, &notes)
            let found = [vegas.averageMicroseconds, vegas.leastMicroseconds, vegas.window]
            let flags = [vegas.isInSlowStart, vegas.isFull, vegas.wasBlocked].map { $0 ? 1 : 0 }
            #expect(found + flags == Array(row[4...]), "row \(index)")
        }
    }

    @Test("takes its parameters from real consensuses, and their defaults", arguments: ["public_consensus_2026-01-29", "public_consensus_2026-07-27"])
    func publicParameters(file: String) throws {
        let values = try #require(try Vectors.load(file)["params"] as? [String: Int])
        let read = FlowParameters { name, fallback, range in min(max(Int32(clamping: values[name] ?? Int(fallback)), range.lowerBound), range.upperBound) }
        #expect(read.isCongestionControlled && read.sendmeIncrement == 31)
        #expect(read == FlowParameters())
    }

    @Test("an increment that differs by more than one is not accepted")
    func increments() {
        let parameters = FlowParameters()
        #expect((0...255).filter { parameters.accepts(increment: UInt8($0)) } == [30, 31, 32])
    }

    @Test("cc_alg 0 turns congestion control off")
    func off() { #expect(!FlowParameters { name, fallback, _ in name == "cc_alg" ? 0 : fallback }.isCongestionControlled) }

    @Test("whatever the parameters, round trips and use, the window stays within its bounds", arguments: 80..<90 as Range<UInt64>)
    func bounds(seed: UInt64) {
        var notes = CongestionStatistics()
        var random = SeededRandom(seed: seed)
        for _ in 0..<50 {
            let parameters = FlowParameters { _, fallback, range in
                switch Int.random(in: 0..<4, using: &random) {
                case 0: range.lowerBound
                case 1: range.upperBound
                case 2: fallback
                default: Int32.random(in: range, using: &random)
                }
            }
            var window = CircuitWindow(parameters, sendmeIncrement: parameters.sendmeIncrement)
            var vegas = Vegas(parameters.vegas, sendmeIncrement: Int(parameters.sendmeIncrement))
            for _ in 0..<300 {
                let trip = Instant.Span(nanoseconds: Int64.random(in: -1000...(1 << Int64.random(in: 1..<55, using: &random)), using: &random))
                let inFlight = Int.random(in: 0...FlowParameters.windowLimitCells, using: &random)
                vegas.acknowledged(roundTrip: trip, inFlight: inFlight, isBlocked: Bool.random(using: &random), &notes)
                #expect((Int(parameters.sendmeIncrement)...FlowParameters.windowLimitCells).contains(vegas.window), "seed \(seed)")
                var sent = 0
                while window.isOpen, sent < 500 { sent += window.sent() ? 1 : 1 }
                try? window.acknowledged(roundTrip: trip, isBlocked: false, &notes)
            }
        }
    }

    @Test("a clock that jumps or stands still changes nothing once slow start is over")
    func jumps() {
        var notes = CongestionStatistics()
        var vegas = Vegas(Self.parameters.vegas, sendmeIncrement: 31)
        vegas.acknowledged(roundTrip: .milliseconds(100), inFlight: 124, isBlocked: true, &notes)
        #expect(!vegas.isInSlowStart && notes.startsEnded == 1 && notes.startBlockedPercent.average == 100)
        let before = vegas.window
        vegas.acknowledged(roundTrip: .seconds(100_000), inFlight: 124, isBlocked: true, &notes)
        vegas.acknowledged(roundTrip: .milliseconds(0), inFlight: 124, isBlocked: true, &notes)
        #expect(vegas.window == before && vegas.averageMicroseconds == 100_000 && notes.tripsSkipped == 2)
    }
}
