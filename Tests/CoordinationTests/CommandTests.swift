import Foundation
import Testing

@Suite struct CommandTests {
    @Test("A wrong word gets a suggestion and the usage exit code", arguments: [
        (["stauts"], "did you mean \"status\""), (["mote", "lst"], "did you mean \"list\""), (["up", "--mots", "3"], "Did you mean '--motes'"),
        (["up", "--ttl", "soon"], "--ttl"), (["up", "--provider", "cloud"], "local"), (["plan", "extra"], "extra"),
    ] as [([String], String)])
    func wrongWords(words: [String], says: String) async throws {
        let answer = try await LiveCloud.run(words)
        #expect(answer.status == 64)
        #expect(answer.output.contains(says), "\(answer.output)")
    }

    @Test("Where there is no cloud, looking says so, makes nothing, and what needs one fails")
    func noCloud() async throws {
        let scratch = Scratch()
        let status = try await LiveCloud.run(["status", "--state", scratch.path])
        #expect(status.status == 0 && status.output.contains("no cloud"))
        #expect(try await LiveCloud.run(["down", "--state", scratch.path]).status == 0)
        #expect(try await LiveCloud.run(["plan", "--state", scratch.path]).status == 66)
        #expect(try await LiveCloud.run(["mote", "list", "--state", scratch.path]).status == 66)
        #expect(!FileManager.default.fileExists(atPath: scratch.path))
        let json = try await LiveCloud.run(["status", "--json", "--state", scratch.path])
        #expect(json.output.contains("\"none\""))
    }

    @Test("What cannot work is refused before anything is made, with the exit code of its kind", arguments: [
        (["--ttl", "20s"], 78), (["--voting-interval", "7"], 64), (["--socks", "nowhere"], 64), (["--policy", "/nowhere.json"], 66),
        (["--motes", "0"], 64), (["--motes", "99999999"], 64), (["--mote", "/nowhere/mote"], 69), (["--mote", "/etc/hostname"], 69),
    ] as [([String], Int32)])
    func refused(flags: [String], code: Int32) async throws {
        let scratch = Scratch()
        let answer = try await LiveCloud.run(["up", "--state", scratch.path] + flags)
        #expect(answer.status == code, "\(answer.output)")
        #expect(!FileManager.default.fileExists(atPath: scratch.path + "/authority"))
    }

    @Test("Completions are printed for each shell", arguments: ["bash", "zsh", "fish"])
    func completions(shell: String) async throws {
        let answer = try await LiveCloud.run(["--generate-completion-script", shell])
        #expect(answer.status == 0 && answer.output.contains("terminate"))
    }
}
