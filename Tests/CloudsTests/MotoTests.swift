import Foundation
import OwnThread
import Testing

/// The built program against moto, an EC2 that somebody else wrote.
@Suite("moto", .serialized, .onItsOwnThread, .enabled(if: Peers.areThere, "moto is not installed: make peers"))
struct MotoTests {
    @Test("the AWS CLI sees what 'dustcloud machine' rents, sweeps and ends at moto's EC2")
    func machines() throws { try play("moto.py") }

    @Test("'dustcloud up' rents at moto's EC2 what it says, for no more than it may, and killed at any moment over a faulty line leaves nothing behind")
    func fleet() throws { try play("fleet.py") }

    private func play(_ scenario: String) throws {
        let dustcloud = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().appendingPathComponent("dustcloud").path
        let process = Process(), pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: Peers.folder + "/bin/python")
        process.arguments = [Peers.root + "/Tests/Clouds/" + scenario, dustcloud]
        process.environment = ProcessInfo.processInfo.environment.merging(["PYTHONDONTWRITEBYTECODE": "1"]) { _, last in last }
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
        print(output.split(separator: "\n").map { "  [\(scenario)] \($0)" }.joined(separator: "\n"))
        #expect(process.terminationStatus == 0, "\(output)")
    }
}

private enum Peers {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
    static let folder = root + "/.build/peers"
    /// Installed whole and in the versions that are wanted.
    static let areThere = FileManager.default.contentsEqual(atPath: root + "/Tests/Clouds/requirements.txt", andPath: folder + "/requirements.txt")
}
