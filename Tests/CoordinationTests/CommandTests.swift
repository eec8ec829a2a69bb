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
        (["--mail-exit", "post"], 64), (["--mail-exit", "direct,direct"], 64), (["--mail-exit", "relay"], 64), (["--mail-exit", "onion"], 64), (["--mail-relay", "mail.example:25"], 64),
        (["--mail-exit", "relay", "--mail-relay", "mail.example"], 64), (["--mail-exit", "direct", "--mail-resolver", "nowhere"], 64), (["--mail-exit", "direct", "--no-mail"], 64),
        (["--mail-exit", "direct", "--mail-trust", "/nowhere.pem"], 66), (["--mail-exit", "relay", "--mail-relay", "mail.example:25", "--mail-relay-login", "/etc/hostname"], 77),
        (["--mail-exit", "direct", "--ttl", "5m"], 78),
    ] as [([String], Int32)])
    func refused(flags: [String], code: Int32) async throws {
        let scratch = Scratch()
        let answer = try await LiveCloud.run(["up", "--state", scratch.path] + flags)
        #expect(answer.status == code, "\(answer.output)")
        #expect(!FileManager.default.fileExists(atPath: scratch.path + "/authority"))
    }

    @Test("A plan for rented machines says what each costs and buys nothing, and the same seed says the same")
    func placement() async throws {
        let scratch = Scratch()
        let words = ["plan", "--placement", Self.policies + "/placement/spread.json", "--seed", "7", "--for", "2h", "--json", "--state", scratch.path]
        let answer = try await LiveCloud.run(words)
        #expect(answer.status == 0, "\(answer.output)")
        let plan = try #require(try JSONSerialization.jsonObject(with: Data(answer.output.utf8)) as? [String: Any])
        let leases = try #require(plan["leases"] as? [[String: Any]])
        #expect(leases.count > 5 && leases.allSatisfy { $0["why"] as? String != "" && ($0["cost"] as? String)?.contains(".") == true })
        #expect((plan["notes"] as? [String])?.first?.hasPrefix("nothing is bought") == true)
        #expect(leases.contains { ($0["considered"] as? [[String: Any]])?.contains { $0["verdict"] as? String == "chosen" } == true })
        #expect(try await LiveCloud.run(words).output == answer.output)
        #expect(!FileManager.default.fileExists(atPath: scratch.path))
    }

    @Test("A plan that cannot be made says which name or limit is in the way, with the exit code of its kind", arguments: [
        ("\"name\": \"spread\"", "\"nam\": \"spread\"", [], 65, "name: is missing"), ("2026-11.json", "2020-01.json", [], 66, "2020-01.json"),
        ("\"provider\": \"ec2\"", "\"provider\": \"ec2\", \"regions\": [\"mars-1\"]", [], 78, "it has us-east-1"),
        ("\"country\": \"0.4\"", "\"country\": \"0.1\"", [], 78, "raise the cap on country"), ("\"USD\": \"2.00\"", "\"USD\": \"0.01\"", ["--for", "30d"], 78, "ceiling of"),
        ("spread", "spread", ["--motes", "0"], 64, "1 to"), ("spread", "spread", ["--ttl", "5s"], 78, "lifetimeSeconds"),
    ] as [(String, String, [String], Int32, String)])
    func impossible(old: String, new: String, flags: [String], code: Int32, says: String) async throws {
        let scratch = Scratch()
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("placement-\(UUID().uuidString).json").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let text = try String(contentsOfFile: Self.policies + "/placement/spread.json", encoding: .utf8).replacingOccurrences(of: "../prices", with: Self.policies + "/prices")
        try text.replacingOccurrences(of: old, with: new).write(toFile: path, atomically: true, encoding: .utf8)
        let answer = try await LiveCloud.run(["plan", "--seed", "1", "--placement", path, "--state", scratch.path] + flags)
        #expect(answer.status == code && answer.output.contains(says), "\(answer.output)")
    }

    @Test("What is for planning without a cloud is refused without a placement policy", arguments: [["--motes", "3"], ["--for", "1h"], ["--seed", "1"], ["--all"], ["--explain"]])
    func needsPlacement(flags: [String]) async throws {
        let answer = try await LiveCloud.run(["plan"] + flags)
        #expect(answer.status == 64 && answer.output.contains("--placement"), "\(answer.output)")
    }

    @Test("Figures are calculated as printed, as corrected, and at a catalogue's prices", arguments: [
        (["--mode", "paper"], "2162.16"), ([], "1.18"), (["--prices", policies + "/prices/2026-11.json"], "282.60"),
    ] as [([String], String)])
    func cost(flags: [String], says: String) async throws {
        for extra in [[], ["--json"]] {
            let answer = try await LiveCloud.run(["cost"] + flags + extra)
            #expect(answer.status == 0 && answer.output.contains(says), "\(answer.output)")
        }
        #expect(try await LiveCloud.run(["cost", "--mode", "paper", "--prices", "/nowhere"]).status == 64)
    }

    private static let policies = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Policies").path

    @Test("Completions are printed for each shell", arguments: ["bash", "zsh", "fish"])
    func completions(shell: String) async throws {
        let answer = try await LiveCloud.run(["--generate-completion-script", shell])
        #expect(answer.status == 0 && answer.output.contains("terminate"))
    }
}
