import Ambience
import CLinux
import Glibc
import Logging
import Testing
import Torrc

@testable import Node

@Suite("The process around a node")
struct SurroundingsTests {
    /// What became of a copy of this process that did `work`: its exit status, or the negative number of the signal that ended it.
    private func inChild(_ work: () -> Int32) -> Int32 {
        let child = dc_fork()
        if child == 0 {
            alarm(10)
            _exit(work())
        }
        var status: Int32 = 0
        waitpid(child, &status, 0)
        return status & 0x7F == 0 ? status >> 8 & 0xFF : -(status & 0x7F)
    }

    private func enter() -> Bool { (try? Sandbox.enter()) != nil }

    @Test("in the sandbox a node's calls work, and any other ends the process at once")
    func sandbox() {
        #expect(inChild {
            guard enter() else { return 90 }
            let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            return fd >= 0 && close(fd) == 0 && getpid() > 0 ? 7 : 91
        } == 7)
        #expect(inChild {
            guard enter() else { return 90 }
            chroot("/")
            return 92
        } == -SIGSYS)
        #expect(inChild {
            guard enter() else { return 90 }
            _ = dc_fork()
            return 93
        } == -SIGSYS, "a new process is none of a node's business")
        #expect(inChild {
            guard enter() else { return 90 }
            var arguments: [UnsafeMutablePointer<CChar>?] = [nil]
            execv("/bin/true", &arguments)
            return 94
        } == -SIGSYS)
    }

    @Test("with NoExec programs cannot be started, all else goes on")
    func noPrograms() {
        #expect(inChild {
            guard (try? Sandbox.forbidPrograms()) != nil else { return 90 }
            var arguments: [UnsafeMutablePointer<CChar>?] = [nil]
            return execv("/bin/true", &arguments) == -1 && errno == EPERM ? 7 : 91
        } == 7)
    }

    @Test("a user that there is not, and one that we may not become, are refused")
    func users() throws {
        let missing = #expect(throws: NodeFailure.self) { try Privileges(user: "nobody-of-that-name", keepsBinding: false) }
        #expect(missing?.kind == .configuration)
    }

    @Test("rights given up for a user cannot be taken back, and files are the user's from the start", .enabled(if: geteuid() == 0))
    func drop() throws {
        let scratch = try Scratch()
        chmod(scratch.path, 0o777)
        let nobody = getpwnam("nobody").pointee.pw_uid
        let status = inChild {
            guard let privileges = try? Privileges(user: "nobody", keepsBinding: true), (try? privileges.lower()) != nil else { return 90 }
            guard geteuid() == nobody, getuid() == 0 else { return 91 }
            close(dc_open(scratch.path + "/file", O_WRONLY | O_CREAT, 0o600))
            guard (try? privileges.raised { () throws(NodeFailure) in geteuid() }) == 0, geteuid() == nobody else { return 92 }
            guard (try? privileges.drop()) != nil, getuid() == nobody, setuid(0) != 0 else { return 93 }
            return 7
        }
        var facts = stat()
        stat(scratch.path + "/file", &facts)
        #expect(status == 7 && facts.st_uid == nobody)
    }

    @Test("log lines go to the places that want them, to controllers that ask, and after debug everywhere")
    func logs() throws {
        let scratch = try Scratch()
        let (all, few) = (scratch.path + "/all", scratch.path + "/few")
        var options = OperatingOptions()
        options.showsLogDomains = true
        let lines = [LogLine(severities: .notice ... .err, target: .file(all)), LogLine(severities: .err ... .err, target: .file(few))]
        let outlets = try LogOutlets(lines, LogStyle(options))
        outlets.write(.notice, "first", domain: "relay")
        outlets.tap([.info])
        #expect(outlets.level == .info)
        outlets.write(.info, "second", domain: "relay")
        #expect(outlets.takeTapped().map(\.1) == ["second"] && outlets.takeTapped().isEmpty)
        outlets.debug()
        #expect(outlets.level == .debug)
        outlets.write(.debug, "third", domain: "node")
        rename(all, all + ".1")
        try outlets.open(lines, LogStyle())
        outlets.write(.error, "fourth", domain: "node")
        #expect(try Files.readText(all + ".1").split(separator: "\n").map { $0.dropFirst(20) } == ["[notice] {RELAY} first", "[debug] {NODE} third"])
        #expect(try Files.readText(all).hasSuffix("[err] fourth\n"))
        #expect(try Files.readText(few).split(separator: "\n").count == 2)
    }
}
