internal import Ambience
internal import ArgumentParser
internal import Boxes
internal import Bytes
internal import Coordination
internal import Leasing
internal import Letters
internal import Pickup
internal import Postbox
internal import Providers

struct MailStatus: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show what lies where: here, at the motes that keep the mailbox, and at the motes of the running cloud. Asks no mote unless told to.")

    @OptionGroup var mailbox: PostboxOption
    @OptionGroup var route: MailRoute
    @Flag(help: "Ask motes over circuits how well a letter would hide now.") var ask = false
    @Flag(help: "Print JSON.") var json = false

    private struct Mote: Encodable {
        let fingerprint: String
        let asked: String?
        let answer: String?
    }

    /// A mote of the running cloud on this machine.
    struct Carrier: Encodable {
        let mote: String
        let endsInSeconds: Int64
        let mail: MoteMailReport
    }

    struct Hiding: Encodable {
        let bits: Double
        let delaySeconds: Double
        let packetsPerSecond: Double
        let motes: Int
        let exits: Int

        init(_ said: HidingReport) { (bits, delaySeconds, packetsPerSecond, motes, exits) = (said.bits, said.delaySeconds, said.packetsPerSecond, said.motes, said.exits) }
    }

    private struct Report: Encodable {
        let domain: String
        let letters: Int
        let unread: Int
        /// Written here: those that wait for a gateway, since when the oldest, and those that gateways took in the last days.
        let waiting: Int
        let waitingSince: String?
        let taken: Int
        let motes: [Mote]
        let motesWithBoxes: Int
        let cloud: [Carrier]
        let hiding: Hiding?
    }

    func run() throws {
        let (_, key, address, store) = try mailbox.open()
        let hiding = try ask ? asked(BoxCollector(store, try route.line(mailbox.state), key) { SystemTime().wall }, store) : nil
        let report = try MailFault.told { try Self.report(address, store, try carriers(), hiding) }
        json ? try JSON.say(report) : say(report)
    }

    private func asked(_ collector: BoxCollector?, _ store: PostboxStore) throws -> Hiding {
        let line = try route.line(mailbox.state)
        return try MailFault.told {
            try collector?.learn()
            guard let said = try LetterSender(store, line, now: { SystemTime().wall }).hiding() else { throw CoordinationError(.unavailable, "no mote on the mix answers: does the cloud have any, and is its client ready?") }
            return Hiding(said)
        }
    }

    private static func report(_ address: BoxAddress, _ store: PostboxStore, _ cloud: [Carrier], _ hiding: Hiding?) throws -> Report {
        let motes = try store.motes(), asked = try store.asked(), letters = try MailFault.inbox { () throws(StorageRefusal) in try store.folder("INBOX").letters }
        let places = BoxPlaces.of(address, among: motes).map { place in
            let last = asked.first { $0.identity == place.identity }
            return Mote(fingerprint: Hex.upper(place.identity), asked: last?.at?.rfc3339, answer: last?.answer)
        }
        let outgoing = try store.outgoing(), waiting = outgoing.filter { $0.state == .waiting }
        return Report(
            domain: address.domain, letters: letters.count, unread: letters.count { !$0.flags.contains(.seen) }, waiting: waiting.count, waitingSince: waiting.map(\.written).min()?.rfc3339,
            taken: outgoing.count - waiting.count, motes: places, motesWithBoxes: motes.count, cloud: cloud, hiding: hiding)
    }

    /// Those motes that run as processes of this machine say it in files.
    private func carriers() throws -> [Carrier] {
        guard let (folder, store) = try mailbox.state.existing(), try store.settings() != nil else { return [] }
        let now = SystemTime().wall
        return try store.ledger().alive.sorted { $0.lease.expires < $1.lease.expires }.compactMap { record in
            NodeFolder("\(folder.motes)/\(record.lease.key)").mail.map { Carrier(mote: "\(record.lease.key)", endsInSeconds: max(0, record.lease.expires - now), mail: $0) }
        }
    }

    // MARK: For people

    private func say(_ report: Report) {
        Terminal.say("\(report.domain) · \(report.letters) letters in the inbox, \(report.unread) of them new")
        let since = report.waitingSince.map { " since \($0)" } ?? ""
        Terminal.say("\(MailWords.letters(report.waiting)) wait\(report.waiting == 1 ? "s" : "") for a gateway\(since), gateways took \(report.taken) in the last seven days")
        if let hiding = report.hiding { Terminal.say("\(MailWords.hiding(hiding)); \(MailWords.exits(hiding.exits))") }
        if report.motesWithBoxes == 0 {
            Terminal.say("which motes keep the mailbox is not known yet; fetch letters with: dustcloud mail serve")
        } else {
            var table = Table(["KEPT BY", "LAST ASKED", "ANSWER"])
            for mote in report.motes { table.add([mote.fingerprint, mote.asked ?? "never", mote.answer ?? "-"]) }
            Terminal.say("\n\(report.motesWithBoxes) motes keep mailboxes, this one is kept by\n\(table.text)")
        }
        if !report.cloud.isEmpty { say(report.cloud) }
    }

    private func say(_ cloud: [Carrier]) {
        var table = Table(["MOTE", "ENDS IN", "HOLDS", "LETTERS", "IN BOXES", "SENDS/H", "BITS"])
        for carrier in cloud {
            let mail = carrier.mail
            table.add([
                String(carrier.mote.prefix(8)), Duration.text(carrier.endsInSeconds), "\(mail.held + mail.forwarding) packets", "\(mail.outgoing + (mail.delivering ?? 0))",
                "\(mail.boxItems ?? 0) of \(mail.boxes ?? 0)", "\(mail.packetsPerHour)", MailWords.tenths(Double(mail.entropyMillibits) / 1000),
            ])
        }
        let first = cloud[0].mail, exits = cloud.map(\.mail.exits).max() ?? 0
        Terminal.say("\nthe cloud's motes hold a letter \(Duration.text(Int64(first.holdMeanSeconds))) on average at each of \(first.hops) motes; \(MailWords.exits(exits))\n\(table.text)")
    }
}

extension MailWords {
    static func tenths(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }

    static func exits(_ count: Int) -> String { count == 0 ? "none brings letters to mail servers outside" : "\(count) bring\(count == 1 ? "s" : "") letters to mail servers outside" }

    static func hiding(_ report: MailStatus.Hiding) -> String {
        "a letter that is sent now hides with \(tenths(report.bits)) bits: \(report.motes) motes mix \((report.packetsPerSecond * 100).rounded() / 100) packets a second, "
            + "and hold it \(tenths(report.delaySeconds / 60)) min on average"
    }
}
