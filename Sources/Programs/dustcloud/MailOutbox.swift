internal import Ambience
internal import ArgumentParser
internal import Boxes
internal import Bytes
internal import Coordination
internal import Letters
internal import Pickup
internal import Postbox

struct MailOutbox: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "outbox", abstract: "Show letters that wait for a gateway, and those that gateways took in the last week, with what reports said of them. Asks nobody.",
        discussion: """
            A letter that came back or was given up is marked once its report was fetched. That it was delivered is only told by servers outside, and if that was wished \
            for: dustcloud mail send --receipt. Whoever gets a letter could write a false report on it.
            """)

    @OptionGroup var mailbox: PostboxOption
    @Flag(help: "Print JSON.") var json = false

    private struct Line: Encodable {
        struct Report: Encodable {
            let to: String
            /// `delivered`, `came back` or `gave up`.
            let outcome: String
            let reason: String
            let came: String
        }

        let id: String
        let to: [String]
        let written: String
        let state: String
        let since: String
        let note: String?
        let bytes: Int
        let reports: [Report]

        init(_ letter: OutgoingLetter) {
            (id, to, bytes, note) = (Hex.lower(letter.id.bytes), letter.recipients, letter.sizeBytes, letter.note)
            (written, since, state) = (letter.written.rfc3339, letter.changed.rfc3339, letter.state.rawValue)
            reports = letter.reports.map { Report(to: $0.recipient, outcome: $0.outcome.rawValue, reason: $0.reason, came: $0.came.rfc3339) }
        }

        /// How it stands, in a few words.
        var stand: String {
            guard !reports.isEmpty else { return "\(state)\(note.map { ", \($0)" } ?? "")" }
            let counts = [DeliveryNotice.Outcome.cameBack, .gaveUp, .delivered].map { outcome in (outcome.rawValue, reports.count { $0.outcome == outcome.rawValue }) }.filter { $0.1 > 0 }
            return counts.map { to.count == 1 ? $0.0 : "\($0.0) for \($0.1) of \(to.count)" }.joined(separator: ", ")
        }

        var reason: String { reports.filter { $0.outcome != DeliveryNotice.Outcome.delivered.rawValue }.map { to.count == 1 ? $0.reason : "\($0.to): \($0.reason)" }.joined(separator: "; ") }
    }

    func run() throws {
        let (_, _, _, store) = try mailbox.open()
        let lines = try MailFault.told { try store.outgoing() }.map { Line($0) }
        if json { return try JSON.say(lines) }
        var table = Table(["TO", "WRITTEN", "STATE", "SINCE", "SIZE", "REASON"])
        for line in lines {
            let since = line.reports.last?.came ?? line.since
            table.add([String(line.to.joined(separator: ", ").prefix(50)), line.written, line.stand, since, Table.size(Int64(line.bytes)), String(line.reason.prefix(80))])
        }
        Terminal.say(lines.isEmpty ? "nothing waits" : table.text)
    }
}
