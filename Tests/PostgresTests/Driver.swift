import Foundation
import MarketHistories
import Synchronization

/// A process that plays a history in a database, and what it said is done.
final class Driver: Sendable {
    private let process = Process()
    private let said = Mutex<[UInt8]>([])
    private let ended = DispatchSemaphore(value: 0)
    private let start = DispatchSemaphore(value: 0)

    init(_ place: String, seed: UInt64, steps: Int = 100_000) throws {
        let output = Pipe()
        // It lies beside the tests.
        process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().appendingPathComponent("ledgerdriver")
        process.arguments = [place, String(seed), String(steps)]
        (process.standardInput, process.standardOutput, process.standardError) = (FileHandle.nullDevice, output, FileHandle.nullDevice)
        try process.run()
        Thread.detachNewThread { [self] in
            defer { ended.signal() }
            while let part = try? output.fileHandleForReading.read(upToCount: 1 << 16), !part.isEmpty {
                said.withLock { said in
                    if said.isEmpty { start.signal() }
                    said += part
                }
            }
            start.signal()
        }
    }

    /// Whether it began in time.
    func begins() -> Bool { start.wait(timeout: .now() + 240) == .success }

    /// kill -9; then everything that it said completely.
    func kill() -> [Carried] {
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        _ = ended.wait(timeout: .now() + 240)
        let lines = said.withLock { $0 }.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).dropLast()
        return lines.compactMap { line in
            let words = line.split(separator: UInt8(ascii: " "))
            return words.count == 2 ? Carried(order: Self.bytes(words[0]), answer: Self.bytes(words[1])) : nil
        }
    }

    /// It ended itself: a rule of the ledger broke, or the database did.
    var failed: Bool { !process.isRunning && process.terminationReason == .exit && process.terminationStatus != 0 }

    private static func bytes(_ digits: ArraySlice<UInt8>) -> [UInt8] {
        func value(_ digit: UInt8) -> UInt8 { digit >= UInt8(ascii: "a") ? digit - UInt8(ascii: "a") + 10 : digit - UInt8(ascii: "0") }
        let digits = Array(digits)
        return stride(from: 0, to: digits.count - 1, by: 2).map { value(digits[$0]) << 4 | value(digits[$0 + 1]) }
    }
}
