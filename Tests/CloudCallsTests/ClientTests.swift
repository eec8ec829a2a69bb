import Ambience
import CloudCalls
import Foundation
import Leasing
import Testing

/// Programs that others wrote against our doubles: a driver and a double by the same hands agree on the same mistakes.
@Suite("Independent clients")
struct ClientTests {
    @Test(
        "see at the double what our driver rents, rent what our driver sees, and read its refusals",
        .enabled(if: ClientTests.areThere, "they are not installed: make peers"), arguments: [Provider.ec2, .hetzner, .digitalocean, .openstack])
    func both(_ provider: Provider) throws {
        let now = SystemTime().wall
        let ours = MachineOrder(
            fleet: FleetRun.fleet, key: MoteKey(high: 1, low: 2), place: "fra", size: "small", image: "17", expires: now + 3000, userData: "#!/bin/sh\n")
        let theirs = MachineOrder(fleet: FleetRun.fleet, key: MoteKey(high: 3, low: 4), place: "fra", size: "small", image: "17", expires: now + 3000)
        var session = AccountSession(provider.driver)
        let server = try DoubleServer { port in
            var double = CloudDouble(provider == .openstack ? OpenStackDialect(host: "http://127.0.0.1:\(port)") : provider.dialect, now: now)
            _ = session.perform(.create(ours), fleet: FleetRun.fleet, now: { now }) { double.handle($0) }
            double.quota = 2
            return double
        }
        let told = theirs.tags.pairs.map { "\($0.name)=\($0.value)" }
        let (status, output) = try Self.run(["\(provider)", "http://127.0.0.1:\(server.port)", ours.name, "\(ours.key)", theirs.name] + told)
        var (double, unread) = server.end()
        #expect(status == 0, "\(output)\nnot understood: \(unread)")
        guard status == 0 else { return }
        #expect(double.machines.first { $0.name == ours.name }?.ended != nil, "the client ended what the driver rented")
        let outcome = session.perform(.list(place: "fra", mark: nil), fleet: FleetRun.fleet, now: { double.now }) { double.handle($0) }.outcome
        guard case .page(let page) = outcome else { Issue.record("\(outcome)"); return }
        #expect(page.machines.filter(\.isThere).map(\.tags) == [theirs.tags], "the driver sees what the client rented")
    }

    private static func run(_ arguments: [String]) throws -> (status: Int32, output: String) {
        let process = Process(), pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: peers + "/bin/python")
        process.arguments = [root + "/Tests/Clouds/clients.py"] + arguments
        (process.standardInput, process.standardOutput, process.standardError) = (FileHandle.nullDevice, pipe, pipe)
        try process.run()
        // Each of the script's calls is bounded; this catches what it forgot.
        let watchdog = DispatchWorkItem { process.terminate() }
        DispatchQueue.global().asyncAfter(deadline: .now() + 300, execute: watchdog)
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        watchdog.cancel()
        return (process.terminationStatus, output)
    }

    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
    private static let peers = ProcessInfo.processInfo.environment["DUSTCLOUD_PEERS"] ?? root + "/.build/peers"
    /// Installed whole and in the versions that are wanted.
    private static let areThere = FileManager.default.contentsEqual(atPath: root + "/Tests/Clouds/requirements.txt", andPath: peers + "/requirements.txt")
}
