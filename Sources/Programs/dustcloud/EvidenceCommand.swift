internal import ArgumentParser
internal import Ambience
internal import Audit
internal import Auditing
internal import Coordination
internal import Disclosure
internal import EnrolmentService
internal import Leasing

extension MoteCommand {
    struct Evidence: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "What a mote was, for somebody who asks: a signed file, and a page for people.",
            discussion: """
                The file holds the mote's lease and steps, what it booted and how to build that again, its exit rules and descriptors, what was logged and what not,
                how it enrolled, and its lines of the audit. It works for motes that are gone: the audit is kept for good, descriptors and enrolments for 30 days.
                """)

        @OptionGroup var state: StateOption
        @Argument(help: ArgumentHelp("The mote's key or at least its first four digits.", valueName: "mote")) var mote: String?
        @Option(help: ArgumentHelp("Where to write KEY.json and KEY.html. Default: here.", valueName: "dir"), completion: .directory) var out = "."
        @Option(help: ArgumentHelp("The manifest of the image's build, to take along.", valueName: "file"), completion: .file()) var manifest: String?
        @Option(help: ArgumentHelp("Check such a file; needs nothing else.", valueName: "file"), completion: .file()) var verify: String?
        @Option(help: ArgumentHelp("With --verify: the key that must have signed it.", valueName: "hex")) var key: String?
        @Option(help: ArgumentHelp("With --verify: a copy of the audit, to see whether its end was cut off since.", valueName: "file"), completion: .file()) var audit: String?
        @Flag(help: "Print JSON.") var json = false

        func validate() throws {
            guard (mote == nil) != (verify == nil) else { throw ValidationError("name a mote, or a file with --verify") }
            guard verify != nil || (key == nil && audit == nil) else { throw ValidationError("--key and --audit go with --verify") }
        }

        struct Written: Encodable {
            let key: String
            let file: String
            let page: String
            let publicKey: String
        }

        struct Checked: Encodable {
            let mote: String
            let made: String
            let publicKey: String
            let auditLines: Int64
        }

        func run() throws {
            if let verify { return try check(verify) }
            let statement = try StatementSource(state, manifest: manifest).statement(of: mote ?? "")
            do {
                let key = try SigningKey.take(try state.place() + "/signing-key")
                let bytes = try SignedStatement.make(statement, key), publicKey = try SignedStatement.verify(bytes).publicKey
                try Files.makeFolder(out)
                let (file, page) = ("\(out)/\(statement.key).json", "\(out)/\(statement.key).html")
                try Files.replace(file, with: bytes, mode: 0o644)
                try Files.replace(page, with: StatementPage.html(statement, publicKey: publicKey), mode: 0o644)
                if json { return try JSON.say(Written(key: statement.key, file: file, page: page, publicKey: publicKey)) }
                Terminal.say("\(file): signed by \(publicKey)\n\(page): the same for people")
            } catch let error as FileError { throw CoordinationError(.cannotCreate, "\(error)") }
        }

        private func check(_ path: String) throws {
            do {
                let verified = try SignedStatement.verify(try Files.read(path), publicKey: key), statement = verified.statement
                if let audit {
                    let log = try Files.read(audit)
                    do throws(AuditFault) { _ = try AuditChain.verify(log, signed: statement.head) } catch { throw CoordinationError(.badData, "\(audit): \(error)") }
                }
                if json {
                    return try JSON.say(Checked(mote: statement.key, made: statement.made, publicKey: verified.publicKey, auditLines: statement.head.number))
                }
                Terminal.say("whole, about mote \(statement.key), made \(statement.made)\nsigned by \(verified.publicKey)" + (key == nil ? "; whose key that is, ask its holder" : ""))
                Terminal.say("its \(statement.steps.count) lines are in an audit that had \(statement.head.number)" + (audit == nil ? "" : ", and the log that was named still has them all"))
            } catch let fault as SignedStatement.Fault { throw CoordinationError(.badData, "\(path): \(fault)") } catch let error as FileError {
                throw CoordinationError(.notFound, "\(error)")
            }
        }
    }
}

/// All that is kept about motes, put together.
struct StatementSource {
    private let place: String
    private let lines: [AuditLine]
    private let manifest: String?

    init(_ state: StateOption, manifest: String? = nil) throws {
        place = try state.place()
        let path = place + "/audit"
        guard Files.exists(path) else { throw CoordinationError(.notFound, "nothing is known of any mote in \(place): there is no audit") }
        do { lines = try AuditChain.verify(try Files.read(path)) } catch { throw CoordinationError(.badData, "\(path): \(error)") }
        do { self.manifest = try manifest.map { try Files.readText($0) } } catch { throw CoordinationError(.notFound, "\(error)") }
    }

    func statement(of prefix: String) throws -> Statement {
        let key = try find(prefix.lowercased())
        do {
            let descriptors = try DescriptorHistory.read(place + "/history", key).map { Statement.Descriptor(fetched: $0.fetched, text: $0.text) }
            // Machines of this host enrol in a network of their own, rented ones at an address that they can reach.
            let admission = try ["/enrolments", "/enrolment"].compactMap { try EnrolmentRecords.admission(of: key, in: place + $0) }.first
            if let statement = Statement.make(of: key, lines: lines, descriptors: descriptors, admission: admission, manifest: manifest, now: SystemTime().wall) {
                return statement
            }
        } catch { throw CoordinationError(.badData, "\(error)") }
        throw CoordinationError(.notFound, "the audit has no intent of mote \(key)")
    }

    private func find(_ prefix: String) throws -> MoteKey {
        guard prefix.utf8.count >= 4 else { throw CoordinationError(.usage, "name a mote by at least 4 digits of its key") }
        let keys = Set(lines.compactMap { $0["key"] }.filter { $0.hasPrefix(prefix) }.compactMap { MoteKey($0) })
        guard let key = keys.first else { throw CoordinationError(.notFound, "the audit knows no mote \(prefix)") }
        guard keys.count == 1 else { throw CoordinationError(.usage, "\(prefix) may be any of \(keys.map(\.description).sorted().joined(separator: ", "))") }
        return key
    }
}
