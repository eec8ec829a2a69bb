import Ambience
import CloudCalls
import Foundation
import Testing

/// What a rented machine does first, in a shell whose `shutdown` and `systemd-run` only say what they were asked for.
@Suite("Boot script")
struct BootScriptTests {
    private let folder: Folder
    private static let expires = WallTime(secondsSinceEpoch: 4_000_000_000)
    private static let order = "Coordinator 192.0.2.1:9443\nSecret $(id) `id` '\n"

    init() throws {
        folder = try Folder()
        for name in ["tools", "run"] { try FileManager.default.createDirectory(atPath: "\(folder.path)/\(name)", withIntermediateDirectories: true) }
        for tool in ["shutdown", "systemd-run", "swapoff"] { try fake(tool, "echo \(tool) \"$@\" >> \(folder.path)/log") }
        try fake("curl", "cat \(folder.path)/served > image")
        try fake("zstd", "cat \"$2\"")
        try fake("cpio", "cat > init")
    }

    private func fake(_ tool: String, _ line: String) throws {
        try "#!/bin/sh\n\(line)\n".write(toFile: "\(folder.path)/tools/\(tool)", atomically: false, encoding: .utf8)
        chmod("\(folder.path)/tools/\(tool)", 0o700)
    }

    /// What the fakes were asked for.
    private func run(_ script: String) throws -> [String] {
        let here = script.replacingOccurrences(of: "/var/lib/cloud", with: folder.path).replacingOccurrences(of: "/opt/mote", with: folder.path + "/opt")
            .replacingOccurrences(of: "/run/mote", with: folder.path + "/run")
        try here.write(toFile: folder.path + "/script", atomically: false, encoding: .utf8)
        return try run(file: folder.path + "/script")
    }

    private func run(file: String) throws -> [String] {
        try? FileManager.default.removeItem(atPath: folder.path + "/log")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = [file]
        process.environment = ["PATH": folder.path + "/tools:/usr/bin:/bin"]
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return ((try? String(contentsOfFile: folder.path + "/log", encoding: .utf8)) ?? "").split(separator: "\n").map(String.init)
    }

    private func isEnd(_ line: String?) -> Bool {
        guard let line, line.hasPrefix("shutdown -P +"), let minutes = Int(line.dropFirst("shutdown -P +".count)) else { return false }
        return abs(minutes - (Int(Self.expires.secondsSinceEpoch) - Int(Date().timeIntervalSince1970)) / 60) <= 2
    }

    @Test("a machine powers itself off at the end of its lease, after a reboot as well, and at once when that is past")
    func end() throws {
        #expect(isEnd(try run(BootScript.end(at: Self.expires)).first))
        let boot = folder.path + "/scripts/per-boot/mote-end"
        #expect(FileManager.default.isExecutableFile(atPath: boot))
        #expect(isEnd(try run(file: boot).first))
        #expect(try run(BootScript.end(at: WallTime(secondsSinceEpoch: 1000))) == ["shutdown -P +0"])
    }

    @Test("the image runs, and gets the order word for word, only if it has the digest; of anything else no mote is made")
    func mote() throws {
        try "program".write(toFile: folder.path + "/served", atomically: false, encoding: .utf8)
        let digest = "d0a0ed70b1d8e81e9db8ea4db5f6a43e5b2ec5ee3eec3a1fb8cb1cd6b26e4bb1"
        let wrong = try #require(BootScript.Image(url: "http://192.0.2.1/initramfs", sha256: digest))
        let refused = try run(BootScript.mote(expires: Self.expires, order: Self.order, image: wrong))
        #expect(isEnd(refused.first) && refused.last == "shutdown -P now" && !refused.contains { $0.hasPrefix("systemd-run") }, "\(refused)")

        let right = try #require(BootScript.Image(url: "http://192.0.2.1/initramfs", sha256: try sha256("program")))
        let asked = try run(BootScript.mote(expires: Self.expires, order: Self.order, image: right))
        #expect(isEnd(asked.first) && asked.contains("swapoff -a") && asked.last?.hasPrefix("systemd-run --quiet --unit=mote") == true, "\(asked)")
        #expect(asked.last?.hasSuffix("\(folder.path)/opt/init --enrol \(folder.path)/run/order") == true, "\(asked)")
        #expect(try String(contentsOfFile: folder.path + "/run/order", encoding: .utf8) == Self.order)
    }

    private func sha256(_ text: String) throws -> String {
        let process = Process(), pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", "printf %s '\(text)' | sha256sum"]
        process.standardOutput = pipe
        try process.run()
        process.waitUntilExit()
        return String(decoding: pipe.fileHandleForReading.readDataToEndOfFile().prefix(64), as: UTF8.self)
    }

    @Test("an address that a shell would read as more than an address is none", arguments: ["http://x/'; id; '", "ftp://x/y", "http://x/\ny", "", "http://x/$(id)"])
    func addresses(url: String) {
        #expect(BootScript.Image(url: url, sha256: String(repeating: "a", count: 64)) == nil)
        #expect(BootScript.Image(url: "http://x/y", sha256: "A" + String(repeating: "a", count: 63)) == nil)
    }
}
