import Foundation
import Testing

/// One scenario of `Tests/Network`, run as a child process that starts, bounds and ends its own network on loopback.
struct Scenario {
    let script: String
    let name: String

    /// The scenarios are bounded by themselves; this limit only catches one that fails to be.
    let limitSeconds: Double
    /// How much of the machine it takes beside others: a scenario of virtual machines that are emulated takes more.
    let slots: Int
    /// How often each scenario of the matrix runs: `DUSTCLOUD_ROUNDS`, once unless told.
    static let rounds = 1...max(1, Int(ProcessInfo.processInfo.environment["DUSTCLOUD_ROUNDS"] ?? "") ?? 1)
    /// Scenarios that take long run only when each is to run several times.
    static let isSoak = rounds.count > 1
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private static let machine = Slots()

    init(_ name: String, script: String = "scenarios.py", limitSeconds: Double = 660, slots: Int = 1) {
        (self.script, self.name, self.limitSeconds, self.slots) = (script, name, limitSeconds, slots)
    }

    /// Runs the scenario when its slots are free, prints its figures and how long it took, and records an issue unless it exits 0.
    func holds() async throws {
        await Self.machine.take(slots)
        let began = ContinuousClock.now
        let result: Result<(Int32, String), any Error>
        do { result = .success(try await run()) } catch { result = .failure(error) }
        await Self.machine.release(slots)
        let (status, output) = try result.get()
        let lines: [Substring] = output.split(separator: "\n") + ["it took \((ContinuousClock.now - began).components.seconds) s"]
        print(lines.map { "  [\(name)] \($0)" }.joined(separator: "\n"))
        #expect(status == 0, "\(script) \(name):\n\(output)")
    }

    private func run() async throws -> (Int32, String) {
        let output = FileManager.default.temporaryDirectory.appendingPathComponent("dustcloud-scenario-\(UUID().uuidString)")
        _ = FileManager.default.createFile(atPath: output.path, contents: nil)
        defer { try? FileManager.default.removeItem(at: output) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "Tests/Network/\(script)", name]
        process.currentDirectoryURL = Self.root
        process.standardInput = FileHandle.nullDevice
        let handle = try FileHandle(forWritingTo: output)
        process.standardOutput = handle
        process.standardError = handle
        let status = try await finish(process)
        return (status, String(decoding: try Data(contentsOf: output), as: UTF8.self))
    }

    /// Starts the child and waits for its end; asks it to end when the limit passes.
    private func finish(_ process: Process) async throws -> Int32 {
        let watchdog = DispatchWorkItem { process.terminate() }
        defer { watchdog.cancel() }
        return try await withCheckedThrowingContinuation { continuation in
            process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
            do {
                try process.run()
                DispatchQueue.global().asyncAfter(deadline: .now() + limitSeconds, execute: watchdog)
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }
}
