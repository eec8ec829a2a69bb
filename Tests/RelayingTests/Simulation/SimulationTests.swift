import Foundation
import Testing

@testable import Relaying

/// Small networks of real relays under virtual time. A seed decides everything; `make simulate SEED=n` shows one of them.
@Suite("Simulated networks")
struct SimulationTests {
    /// A hundred histories are a minute of a processor without optimisation; whoever asks for more gets 250 for each one asked for.
    private static let seedCount = times > 1 ? 250 * times : 100
    private static let times = Int(ProcessInfo.processInfo.environment["DUSTCLOUD_SEEDS"] ?? "") ?? 1
    private static let batchSeeds = 25

    private func check(_ seed: UInt64, isVerbose: Bool = false) -> (hash: UInt64, events: Int) {
        var findings: [String]
        let watched: Watched
        let trace: Trace
        do {
            let scenario = Scenario(seed: seed, isVerbose: isVerbose)
            findings = scenario.run()
            watched = scenario.watched
            trace = scenario.world.trace
        }
        if !watched.living.isEmpty { findings.append("alive after the end: \(watched.living)") }
        #expect(findings.isEmpty, "seed \(seed)")
        return (trace.hash, trace.count)
    }

    @Test("Whatever goes wrong, data is whole and sealed, windows hold and nothing is left", arguments: Array(stride(from: 0, to: seedCount, by: batchSeeds)))
    func seeds(first: Int) {
        for seed in first..<first + Self.batchSeeds { _ = check(UInt64(seed)) }
    }

    @Test("The same seed gives the same history", arguments: [1, 3, 4, 8, 20] as [UInt64])
    func replays(seed: UInt64) {
        let once = check(seed)
        let again = check(seed)
        #expect(once.events > 100)
        #expect(once == again)
    }

    @Test("Processes in which every dictionary has another order tell the same histories")
    func processes() throws {
        let once = try Self.histories(of: [2, 5, 17])
        #expect(once.count == 3)
        #expect(try Self.histories(of: [2, 5, 17]) == once)
    }

    /// What another process of this program says of these seeds at the end of each.
    private static func histories(of seeds: [UInt64]) throws -> [String] {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/timeout")
        process.arguments = ["600", try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"), "--testing-library", "swift-testing", "--filter", "SimulationTests/replay"]
        var environment = ProcessInfo.processInfo.environment
        environment["SWIFT_DETERMINISTIC_HASHING"] = nil
        environment["DUSTCLOUD_SIMULATE"] = seeds.map { "\($0)" }.joined(separator: ",")
        process.environment = environment
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return text.split(separator: "\n").filter { $0.hasPrefix("seed ") && $0.contains(", history ") }.map(String.init)
    }

    @Test("Seeds that are asked for, with everything that happens", .enabled(if: ProcessInfo.processInfo.environment["DUSTCLOUD_SIMULATE"] != nil))
    func replay() throws {
        for word in (ProcessInfo.processInfo.environment["DUSTCLOUD_SIMULATE"] ?? "").split(separator: ",") {
            let seed = try #require(UInt64(word))
            let (hash, events) = check(seed, isVerbose: true)
            print("seed \(seed): \(events) events, history \(String(hash, radix: 16))")
        }
    }
}
