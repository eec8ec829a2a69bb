internal import Ambience
internal import ArgumentParser
internal import Boxes
internal import Coordination
internal import Pickup
internal import Postbox

struct MailInbox: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "inbox", abstract: "Show what letters have come, or one of them.")

    @OptionGroup var mailbox: PostboxOption
    @OptionGroup var route: MailRoute
    @Argument(help: ArgumentHelp("Print this letter as it came.", valueName: "number")) var number: UInt32?
    @Flag(help: "Ask the motes for new letters first.") var fetch = false
    @Flag(help: "Print JSON.") var json = false

    struct Line: Encodable {
        let number: UInt32
        let isRead: Bool
        let from: String
        let subject: String
        let received: String
        let bytes: Int
    }

    func run() throws {
        let (folder, key, _, store) = try mailbox.open()
        if fetch { try collect(folder, BoxCollector(store, try route.line(mailbox.state), key) { SystemTime().wall }) }
        if let number { return try show(number, store) }
        let lines = try MailFault.inbox { () throws(StorageRefusal) in
            try store.folder("INBOX").letters.map { letter throws(StorageRefusal) in
                let header = LetterSummary(try store.content(letter.uid, of: "INBOX") ?? [])
                return Line(number: letter.uid, isRead: letter.flags.contains(.seen), from: header.from, subject: header.subject, received: letter.received.rfc3339, bytes: letter.sizeBytes)
            }
        }
        if json { return try JSON.say(lines) }
        var table = Table(["LETTER", "", "FROM", "SUBJECT", "CAME", "SIZE"])
        for line in lines { table.add(["\(line.number)", line.isRead ? "" : "new", String(line.from.prefix(40)), String(line.subject.prefix(40)), line.received, Table.size(Int64(line.bytes))]) }
        Terminal.say(lines.isEmpty ? "no letters" : table.text)
    }

    private func collect(_ folder: PostboxFolder, _ collector: BoxCollector?) throws {
        guard let collector else { throw CoordinationError(.badData, "the mailbox's key is damaged") }
        try MailFault.told {
            let lock = try PostboxLock(folder)
            let round = try collector.collect()
            _ = consume lock
            guard round.answers > 0 else { throw CoordinationError(.unavailable, MailWords.missing(round)) }
            if round.answers < round.places { Terminal.complain(MailWords.missing(round)) }
        }
    }

    private func show(_ number: UInt32, _ store: PostboxStore) throws {
        let content = try MailFault.inbox { () throws(StorageRefusal) in try store.content(number, of: "INBOX") }
        guard let content else { throw CoordinationError(.notFound, "there is no letter \(number); see: dustcloud mail inbox") }
        Terminal.say(String(decoding: content.filter { $0 != 13 }, as: UTF8.self))
    }
}

extension MailFault {
    static func inbox<R>(_ body: () throws(StorageRefusal) -> R) throws -> R {
        do throws(StorageRefusal) { return try body() } catch { throw CoordinationError(.unavailable, "the mailbox's file cannot be read") }
    }
}
