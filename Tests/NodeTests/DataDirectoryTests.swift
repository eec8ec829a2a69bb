import Ambience
import Testing

@testable import Node

@Suite("The data directory")
struct DataDirectoryTests {
    @Test("it is made with mode 700, and one that others could enter is closed to them")
    func mode() throws {
        let scratch = try Scratch()
        _ = run("mkdir \(scratch.path)/open && chmod 755 \(scratch.path)/open")
        _ = try DataDirectory(path: scratch.path + "/open")
        _ = try DataDirectory(path: scratch.path + "/new")
        #expect(run("stat -c %a \(scratch.path)/open \(scratch.path)/new \(scratch.path)/new/keys").output == "700\n700\n700\n")
    }

    @Test("a second node on the same folder is refused until the first lets go")
    func lock() throws {
        let scratch = try Scratch()
        let first = try DataDirectory(path: scratch.path)
        try first.hold()
        let second = try DataDirectory(path: scratch.path)
        let failure = #expect(throws: NodeFailure.self) { try second.hold() }
        #expect(failure?.kind == .busy && failure?.description.contains(scratch.path) == true)
        first.release()
        try second.hold()
    }

    @Test("stock tor does not start on a folder that we hold")
    func stockLock() throws {
        let scratch = try Scratch()
        let directory = try DataDirectory(path: scratch.path)
        try directory.hold()
        let attempt = run("timeout 20 tor -f /nonexistent --ignore-missing-torrc --SocksPort 0 --DisableNetwork 1 --DataDirectory \(scratch.path) --Log 'warn stdout'")
        #expect(attempt.status != 0 && attempt.output.contains("another Tor process"), "\(attempt)")
    }

    @Test("a file in the folder's place is refused")
    func file() throws {
        let scratch = try Scratch()
        try Files.replace(scratch.path + "/x", with: "")
        #expect(throws: NodeFailure.self) { try DataDirectory(path: scratch.path + "/x") }
    }
}
