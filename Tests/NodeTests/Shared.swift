import Ambience
import Glibc
import Sealing
import Torrc

/// A folder of its own that is gone when the last owner lets go.
final class Scratch {
    let path: String

    init() throws {
        path = "/tmp/node-test-" + SecureRandom.bytes(8).map { String($0, radix: 16) }.joined()
        try Files.makeFolder(path)
    }

    deinit { _ = run("rm -rf \(path)") }
}

/// Runs a command to its end; what it printed on standard output, and its exit status.
func run(_ command: String) -> (output: String, status: Int32) {
    guard let pipe = popen(command, "r") else { return ("", -1) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while case let count = fread(&buffer, 1, buffer.count, pipe), count > 0 { bytes += buffer[..<count] }
    let status = pclose(pipe)
    return (String(decoding: bytes, as: UTF8.self), status >> 8)
}

/// Stock tor's answer to `--list-fingerprint` on a folder; a missing tor fails the test that asks.
func stockFingerprint(_ folder: String, _ kind: String = "") -> String {
    let authority = "x 127.0.0.1:1 " + String(repeating: "f", count: 40)
    return run("tor --list-fingerprint \(kind) -f /nonexistent --ignore-missing-torrc --ORPort 1 --DirAuthority '\(authority)' --DataDirectory \(folder) --quiet").output
        .split(separator: "\n").last.map(String.init) ?? "no output"
}

func configuration(_ text: String) throws -> NodeConfiguration {
    try Torrc.read([TorrcText.assignments(in: text, name: "test")]).configuration
}

let noon = WallTime("2027-01-31 12:00:00")!
