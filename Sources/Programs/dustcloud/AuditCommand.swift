internal import ArgumentParser
internal import Ambience
internal import Audit
internal import Coordination

struct AuditCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Show or verify what was done: every provider call that changes something and every step of a mote's life.",
        discussion: "The log is a file, \"audit\" in the state folder. Both commands need nothing else, so they work on a copy, anywhere.",
        subcommands: [Show.self, Verify.self])

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show the log, the oldest line first.")

        @OptionGroup var log: AuditFileOption
        @Option(help: ArgumentHelp("Only lines about the mote whose key begins so.", valueName: "key")) var mote: String?
        @Option(help: ArgumentHelp("Only the last lines.", valueName: "count")) var last: Int?
        @Flag(help: "Print JSON.") var json = false

        func run() throws {
            var lines = try log.verified()
            if let mote { lines = lines.filter { $0.isAbout(mote.lowercased()) } }
            if let last { lines = lines.suffix(max(0, last)) }
            if json { return try JSON.say(lines.map(AuditRow.init)) }
            for line in lines { Terminal.say(AuditRow(line).text) }
        }
    }

    struct Verify: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check that no line was changed, added or left out.",
            discussion: """
                Whether the end was cut off, the file alone cannot tell. A bundle of 'dustcloud mote evidence' has the end signed that the log had then: \
                'dustcloud mote evidence --verify BUNDLE --audit LOG' holds one against the other.
                """)

        @OptionGroup var log: AuditFileOption
        @Flag(help: "Print JSON.") var json = false

        struct Answer: Encodable {
            let lines: Int64
            let head: String
        }

        func run() throws {
            let lines = try log.verified()
            let answer = Answer(lines: lines.last?.number ?? 0, head: lines.last?.hash ?? AuditLine.origin)
            if json { return try JSON.say(answer) }
            Terminal.say("whole: \(answer.lines) lines, the last with hash \(answer.head)")
        }
    }
}

/// Which log is meant.
struct AuditFileOption: ParsableArguments {
    @OptionGroup var state: StateOption
    @Option(help: ArgumentHelp("A copy of a log. Default: that of the state folder.", valueName: "path"), completion: .file()) var file: String?

    func verified() throws -> [AuditLine] {
        let path = try file ?? state.place() + "/audit"
        guard Files.exists(path) else { throw CoordinationError(.notFound, "there is no audit at \(path)") }
        let bytes: [UInt8]
        do { bytes = try Files.read(path) } catch { throw CoordinationError(.unavailable, "\(error)") }
        do { return try AuditChain.verify(bytes, signed: nil) } catch { throw CoordinationError(.badData, "\(path): \(error)") }
    }
}

/// A line for people and for programs.
struct AuditRow: Encodable {
    let number: Int64
    let at: String
    let kind: String
    let fields: [String: String]
    let hash: String
    private let line: AuditLine

    private enum CodingKeys: CodingKey { case number, at, kind, fields, hash }

    init(_ line: AuditLine) {
        (number, at, kind, hash) = (line.number, line.at.rfc3339, line.kind, line.hash)
        fields = Dictionary(line.fields.map { ($0.name, $0.value) }) { first, _ in first }
        self.line = line
    }

    var text: String {
        let words = line.fields.filter { $0.name != "step" && $0.name != "at" && !$0.value.isEmpty }
            .map { $0.name == "key" ? "\($0.value.prefix(8))" : $0.name == "change" ? $0.value : "\($0.name) \($0.value)" }
        return "\(at)  \(kind)  \(words.joined(separator: ", "))"
    }
}

extension AuditLine {
    func isAbout(_ prefix: String) -> Bool { self["key"]?.hasPrefix(prefix) == true || self["scope"]?.hasPrefix("mote:" + prefix) == true }
}
