import Foundation
import Testing

/// The built program against moto, an EC2 that somebody else wrote.
@Suite("moto")
struct MotoTests {
    @Test("the AWS CLI sees what 'dustcloud machine' rents, sweeps and ends at moto's EC2", .enabled(if: MotoTests.isThere, "moto is not installed: make peers"))
    func moto() throws {
        let dustcloud = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().appendingPathComponent("dustcloud").path
        let process = Process(), pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: Self.peers + "/bin/python")
        process.arguments = [Self.root + "/Tests/Clouds/moto.py", dustcloud]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        // The script bounds each of its steps; this catches one that it forgot.
        let watchdog = DispatchWorkItem { process.terminate() }
        DispatchQueue.global().asyncAfter(deadline: .now() + 900, execute: watchdog)
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        watchdog.cancel()
        print(output.split(separator: "\n").map { "  [moto] \($0)" }.joined(separator: "\n"))
        #expect(process.terminationStatus == 0, "\(output)")
    }

    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
    private static let peers = root + "/.build/peers"
    /// Installed whole and in the versions that are wanted.
    private static let isThere = FileManager.default.contentsEqual(atPath: root + "/Tests/Clouds/requirements.txt", andPath: peers + "/requirements.txt")
}
