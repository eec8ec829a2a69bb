import Ambience
import Bytes
import Foundation
import Sealing

/// A mote on the first processor, with all its threads.
final class RunningMote {
    private let process = Process()
    let address: SocketAddress
    let relay: RSAIdentity

    init(program: String, _ folder: String, market: String) throws {
        guard FileManager.default.isExecutableFile(atPath: program) else { fail("\(program) is missing: swift build -c release --product mote") }
        let port = UInt16(20_000 + getpid() % 10_000), data = folder + "/data", log = folder + "/log"
        guard let address = SocketAddress("127.0.0.1:\(port)") else { fail("no address") }
        self.address = address
        let torrc = """
            Nickname gateload
            ORPort 127.0.0.1:\(port)
            Address 127.0.0.1
            DataDirectory \(data)
            SocksPort 0
            AssumeReachable 1
            PublishServerDescriptor 0
            NumCPUs 1
            DirAuthority none orport=1 v3ident=\(String(repeating: "A", count: 40)) 127.0.0.1:1 \(String(repeating: "B", count: 40))
            MoteMarket \(market)

            """
        try Files.replace(folder + "/torrc", with: torrc)
        try Files.replace(log, with: "")
        process.executableURL = URL(fileURLWithPath: "/usr/bin/taskset")
        process.arguments = ["-c", "0", program, "-f", folder + "/torrc"]
        process.standardOutput = FileHandle(forWritingAtPath: log)
        process.standardError = FileHandle(forWritingAtPath: log)
        try process.run()
        let end = Date().addingTimeInterval(30)
        var found: RSAIdentity?
        while found == nil, Date() < end, process.isRunning {
            usleep(50_000)
            guard try Files.readText(log).contains("On the exchange"), Files.exists(data + "/fingerprint") else { continue }
            found = try Files.readText(data + "/fingerprint").split(whereSeparator: \.isWhitespace).last.flatMap { Hex.decode($0) }.flatMap { RSAIdentity($0) }
        }
        guard let found else {
            process.terminate()
            fail("the mote did not come up:\n\(try Files.readText(log))")
        }
        relay = found
    }

    /// Of all its threads.
    var processorSeconds: Double {
        let tasks = "/proc/\(process.processIdentifier)/task"
        return ((try? FileManager.default.contentsOfDirectory(atPath: tasks)) ?? []).reduce(0) { sum, task in
            sum + ((try? Files.readText("\(tasks)/\(task)/schedstat"))?.split(separator: " ").first.flatMap { Double($0) } ?? 0) / 1e9
        }
    }

    func end() {
        process.terminate()
        process.waitUntilExit()
    }
}
