import Ambience
import CloudCalls
import Leasing

extension FuzzTarget {
    private static let calls = "Cores/CloudCalls/"
    private static let now = WallTime(secondsSinceEpoch: 1_800_000_000)
    private static let statuses = [200, 202, 204, 404, 400, 403, 409, 429, 500, 401]

    /// What providers answer. The first byte chooses the status, the rest is the body.
    static let clouds = [
        answers("ec2-answers", ["EC2", "XMLElement"], EC2(key: AccessKey(id: "a", secret: "b"))),
        answers("hetzner-answers", ["Hetzner", "BearerAPI"], Hetzner(token: "a")),
        answers("digitalocean-answers", ["DigitalOcean", "BearerAPI"], DigitalOcean(token: "a")),
        answers("vultr-answers", ["Vultr", "BearerAPI"], Vultr(token: "a")),
        answers("openstack-answers", ["OpenStack"], OpenStack(url: "https://a.example", .init(.application(id: "a", secret: "b")))!),
        FuzzTarget("provider-xml", [calls + "XMLElement.swift"]) { _ = XMLElement($0) },
        // Lines of `name:value`, as tags and as an answer's head.
        FuzzTarget("tags-and-heads", ["MachineOrder", "CallNotes"].map { calls + $0 + ".swift" }) { bytes in
            let words = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
            if let tags = MachineTags(words: words) { precondition(MachineTags(words: tags.words) == tags, "changes what it wrote itself") }
            let fields = words.compactMap { word in word.firstIndex(of: ":").map { (String(word[..<$0]), String(word[word.index(after: $0)...])) } }
            let notes = CallNotes(Dictionary(fields) { first, _ in first }, now: now)
            precondition((notes.remaining ?? 0) >= 0 && (notes.resetSeconds ?? 0) >= 0, "believes in less than nothing")
        },
    ]

    private static func answers(_ name: String, _ files: [String], _ driver: some CloudDriver) -> FuzzTarget {
        FuzzTarget(name, files.map { calls + $0 + ".swift" }) { bytes in
            let answer = CloudAnswer(
                status: statuses[Int(bytes.first ?? 0) % statuses.count], headers: ["x-subject-token": "t", "retry-after": "3"], body: Array(bytes.dropFirst()))
            read(answer, driver)
        }
    }

    private static func read(_ answer: CloudAnswer, _ driver: some CloudDriver) {
        let order = MachineOrder(fleet: "test", key: .init(high: 1, low: 2), place: "fra", size: "s", image: "i", expires: now)
        if case .made(let id)? = try? driver.created(answer, for: order) { precondition(!id.isEmpty && answer.status < 300, "made what nobody said") }
        for machine in (try? driver.listed(answer, fleet: "test", place: "fra"))?.machines ?? [] { precondition(machine.tags.fleet == "test", "sees others' machines") }
        if (try? driver.ended(answer)) != nil { precondition(answer.status < 300 || answer.status == 404 || answer.status == 400, "ended what nobody said") }
        precondition((try? driver.surveyed(answer))?.isEmpty != true, "knows of no place")
        _ = try? driver.noticed(answer)
        _ = try? driver.signedIn(answer, now: now)
    }
}
