internal import Ambience
internal import ArgumentParser
internal import Boxes
internal import Coordination
internal import Glibc
internal import Pickup
internal import Postbox
internal import Sealing

struct MailServe: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Fetch letters from the mailbox, and let mail programs on this machine read them.",
        discussion: """
            Mail programs get IMAP or POP3 without TLS, on this machine only, with the name and password that are told at the start. Letters are fetched at random \
            times: each time the motes that keep the box see that somebody reads it then, though not who.
            """)

    @OptionGroup var mailbox: PostboxOption
    @OptionGroup var route: MailRoute
    @Option(help: ArgumentHelp("Where IMAP is served; an address of this machine alone.", valueName: "ip:port")) var imap = "127.0.0.1:1143"
    @Option(help: ArgumentHelp("Where POP3 is served, likewise.", valueName: "ip:port")) var pop3 = "127.0.0.1:1110"
    @Option(help: ArgumentHelp("Where mail programs hand in letters by SMTP, likewise.", valueName: "ip:port")) var submission = "127.0.0.1:1587"
    @Option(help: ArgumentHelp("Time between two fetches on average.", valueName: "duration")) var every: Duration = Duration(argument: "15m")!
    @Flag(help: "Fetch nothing: only serve what is there.") var offline = false

    func validate() throws {
        for (option, text) in [("--imap", imap), ("--pop3", pop3), ("--submission", submission)] {
            guard let address = SocketAddress(text), Self.isOwn(address.ip) else { throw ValidationError("\(option) needs an address of this machine alone and a port, such as 127.0.0.1:1143") }
        }
        guard every.seconds > 0 else { throw ValidationError("--every needs more than no time") }
    }

    private static func isOwn(_ ip: IPAddress) -> Bool { ip.isIPv4 ? ip.bytes[0] == 127 : ip == IPAddress("::1") }

    func run() throws {
        var patience = Patience()
        let folder = try mailbox.folder()
        let (key, password) = try MailFault.told { (try folder.key(making: true), try folder.password()) }
        let lock = try MailFault.told { try PostboxLock(folder) }
        let store = try MailFault.told { try PostboxStore(folder.database) }
        let login = PickupLogin { $0 == Array(PostboxFolder.user.utf8) && Digest.sha256($1) == Digest.sha256(Array(password.utf8)) }
        let ports = try MailFault.told { try [(imap, PickupListener.Language.imap), (pop3, .pop3)].map { try PickupListener($1, SocketAddress($0)!, store, login) } }
        Terminal.say("\(try PostboxOption.address(key).domain): any name at it reaches you")
        let door = try MailFault.told { try SubmissionDoor(SocketAddress(submission)!, store, key: PostboxFolder.namingKey(key)) }
        Terminal.say("IMAP on \(ports[0].address), POP3 on \(ports[1].address): user \(PostboxFolder.user), password \(password), no TLS")
        Terminal.say("SMTP on \(door.address): no name, no TLS")
        try serve(store, key, &patience)
        door.stop()
        for port in ports { port.stop() }
        _ = consume lock
    }

    /// Until somebody asks for the end.
    private func serve(_ store: PostboxStore, _ key: Curve25519Key, _ patience: inout Patience) throws {
        guard !offline else {
            while !patience.wait(milliseconds: 3_600_000) {}
            return
        }
        let work = try threads(store, key)
        var random = SecureRandom(), due = work.map { _ in 0.0 }, clock = 0.0
        // The first fetch comes sooner: whoever starts this wants to read.
        for index in due.indices { due[index] = Self.pause(min(60, work[index].meanSeconds), &random) }
        while true {
            let next = due.indices.min { due[$0] < due[$1] } ?? 0
            if patience.wait(milliseconds: Int(max(0, due[next] - clock) * 1000)) { return }
            clock = due[next]
            work[next].thread.begin()
            due[next] = clock + Self.pause(work[next].meanSeconds, &random)
        }
    }

    private static func pause(_ mean: Double, _ random: inout SecureRandom) -> Double { min(-mean * log(Double.random(in: Double.leastNormalMagnitude..<1, using: &random)), 20 * mean) }

    /// Fetching, and bringing letters to gateways.
    private func threads(_ store: PostboxStore, _ key: Curve25519Key) throws -> [(thread: PostboxThread, meanSeconds: Double)] {
        let line = try route.line(mailbox.state), sender = LetterSender(store, line) { SystemTime().wall }
        guard let collector = BoxCollector(store, line, key, now: { SystemTime().wall }) else { throw CoordinationError(.badData, "the mailbox's key is damaged") }
        let collecting = PostboxThread {
            MailWords.tellTrouble {
                let round = try collector.collect(isPatient: false)
                if round.letters > 0 { Terminal.report("\(MailWords.letters(round.letters)) came") }
                if round.answers < round.places || round.places == 0 { Terminal.report(MailWords.missing(round)) }
            }
        }
        let sending = PostboxThread {
            MailWords.tellTrouble {
                let (taken, waiting) = try sender.send()
                if taken > 0 { Terminal.report("gateways of the mix took \(MailWords.letters(taken))") }
                if waiting > 0 { Terminal.report("\(MailWords.letters(waiting)) wait for a gateway that answers") }
            }
        }
        return [(collecting, Double(every.seconds)), (sending, min(Self.sendMeanSeconds, Double(every.seconds)))]
    }

    /// Between two looks at what is to be sent, on average, at the most. How long a letter is on its way is the mix's business.
    private static let sendMeanSeconds = 20.0
}

enum MailWords {
    static func letters(_ count: Int) -> String { "\(count) letter\(count == 1 ? "" : "s")" }

    static func pieces(_ letter: OutgoingLetter, there: Int, of pieces: Int) -> String {
        "\(100 * there / max(1, pieces)) % of a letter of \(Table.size(Int64(letter.sizeBytes))) for \(letter.recipients.joined(separator: ", ").prefix(60)) are at a gateway…"
    }

    static func tellTrouble(_ body: () throws -> Void) {
        do { try body() } catch { Terminal.report("\(error)") }
    }

    static func missing(_ round: BoxCollector.Round) -> String {
        round.places == 0 ? "no mote that keeps mailboxes could be found: does the cloud have any, and is its client ready?"
            : "\(round.places - round.answers) of the \(round.places) motes that keep the mailbox did not answer; they are asked again"
    }
}
