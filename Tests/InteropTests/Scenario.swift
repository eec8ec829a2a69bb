import Foundation
import Testing

/// One scenario of `Tests/Network`, run as a child process that starts, bounds and ends its own network on loopback.
struct Scenario {
    let script: String
    let name: String

    /// The scenarios are bounded by themselves; one that fails to be is asked to end then.
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
        let (status, output) = try await withCheckedThrowingContinuation { whole in
            Self.machine.take(slots) {
                run { result in
                    Self.machine.release(slots)
                    whole.resume(with: result)
                }
            }
        }
        print(output.split(separator: "\n").map { "  [\(name)] \($0)" }.joined(separator: "\n"))
        #expect(status == 0, "\(script) \(name):\n\(output)")
    }

    /// Calls `done` once, with how it exited and what it said.
    private func run(_ done: @escaping @Sendable (Result<(Int32, String), any Error>) -> Void) {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("dustcloud-scenario-\(UUID().uuidString)"), began = ContinuousClock.now
        _ = FileManager.default.createFile(atPath: file.path, contents: nil)
        do {
            try start(outputTo: FileHandle(forWritingTo: file)) { status in
                let output = Result { String(decoding: try Data(contentsOf: file), as: UTF8.self) }
                try? FileManager.default.removeItem(at: file)
                done(output.map { (status, "\($0)it took \((ContinuousClock.now - began).components.seconds) s\n") })
            }
        } catch {
            try? FileManager.default.removeItem(at: file)
            done(.failure(error))
        }
    }

    private func start(outputTo handle: FileHandle, onEnd: @escaping @Sendable (Int32) -> Void) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["timeout", "--foreground", "\(limitSeconds)", "python3", "Tests/Network/\(script)", name]
        process.currentDirectoryURL = Self.root
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = handle
        process.standardError = handle
        process.terminationHandler = { onEnd($0.terminationStatus) }
        try process.run()
    }
}
