package import Ambience

/// Options of a mote that takes, holds and delivers letters.
package struct MailOptions: Equatable, Sendable {
    /// A way in which a letter leaves the network at its last mote.
    package enum Route: String, Sendable { case onion, direct, relay }

    /// Whether the mote is on the mix: holds others' packets, and is a gateway for those who submit letters here.
    package var isMixing = false
    /// `nil`: `mail` in the data directory.
    package var folder: String?
    /// Where the seed of all mail keys is, which no disk may hold; `nil`: a folder of this mote's in /dev/shm.
    package var keyFolder: String?
    /// Takes a key folder on a disk all the same.
    package var areKeysAllowedOnDisk = false
    /// How long each mote holds a packet of ours on average.
    package var holdMean = Instant.Span.seconds(Int64(1800))
    /// Between two packets of this gateway's on average, letters and cover alike; `nil`: as many as the network needs.
    package var slotMean: Instant.Span?
    /// Where letters are submitted with STARTTLS, and where with TLS from the first byte.
    package var submissionPorts: [PortLine] = []
    package var submissionTLSPorts: [PortLine] = []
    /// Names with hashes of passwords; without it nobody can log in.
    package var submissionUsersFile: String?
    /// What the service calls itself; `nil`: a word that says nothing.
    package var submissionName: String?
    /// PEM files; without them the service makes a certificate of its own.
    package var submissionCertificateFile: String?
    package var submissionKeyFile: String?
    /// Tried in this order; none: letters for the outside do not end here.
    package var exits: [Route] = []
    /// `HOST:PORT` that takes letters for everywhere from whom it knows.
    package var relay: String?
    /// Name and password for it, in two lines.
    package var relayLoginFile: String?
    /// Asked for names; `nil`: what the system asks.
    package var resolver: SocketAddress?
    /// Through which connections to the outside go.
    package var socks: SocketAddress?
    /// Domains with the onion services that take their letters, a pair a line.
    package var onionMapFile: String?
    /// Certificates of authorities that are believed; `nil`: those that the system believes.
    package var trustFile: String?
    /// Whether boxes of letters for others are kept here.
    package var hasBoxes = false

    package init() {}
}

extension OptionTable {
    static let mail: [OptionRow] = [
        .flag("MoteMail", \.mail.isMixing),
        .text("MoteMailFolder", \.mail.folder),
        .text("MoteMailKeyFolder", \.mail.keyFolder),
        .flag("MoteMailKeysOnDisk", \.mail.areKeysAllowedOnDisk),
        .span("MoteMailHoldMean", \.mail.holdMean),
        OptionRow(name: "MoteMailSlotMean") { configuration, text throws(ValueError) in
            let span = try Units.span(text)
            guard span > .seconds(Int64(0)) else { throw ValueError("more than no time") }
            configuration.mail.slotMean = span
        },
        .ports("MoteSubmissionPort", \.mail.submissionPorts, flags: []),
        .ports("MoteSubmissionTLSPort", \.mail.submissionTLSPorts, flags: []),
        .text("MoteSubmissionUsers", \.mail.submissionUsersFile),
        .text("MoteSubmissionName", \.mail.submissionName),
        .text("MoteSubmissionCertificate", \.mail.submissionCertificateFile),
        .text("MoteSubmissionKey", \.mail.submissionKeyFile),
        OptionRow(name: "MoteMailExit") { configuration, text throws(ValueError) in
            let words = OptionRow.items(text.lowercased()), routes = words.compactMap { MailOptions.Route(rawValue: $0) }
            guard words == ["none"] || routes.count == words.count && Set(routes).count == routes.count else {
                throw ValueError("none, or onion, direct and relay between commas, in the order to try")
            }
            configuration.mail.exits = routes
        },
        .text("MoteMailRelay", \.mail.relay),
        .text("MoteMailRelayLogin", \.mail.relayLoginFile),
        address("MoteMailResolver", \.mail.resolver),
        address("MoteMailSOCKS", \.mail.socks),
        .text("MoteMailOnionMap", \.mail.onionMapFile),
        .text("MoteMailTrust", \.mail.trustFile),
        .flag("MoteMailBox", \.mail.hasBoxes),
    ].map(ours)

    private static func address(_ name: String, _ path: any OptionRow.Path<SocketAddress?>) -> OptionRow {
        OptionRow(name: name) { configuration, text throws(ValueError) in
            guard let address = SocketAddress(text), address.port > 0 else { throw ValueError("ADDRESS:PORT") }
            configuration[keyPath: path] = address
        }
    }
}

extension MailOptions {
    /// What holds between them, as the option at fault and what is wrong with it. `nil` if nothing is.
    func trouble(isRelay: Bool, isCache: Bool) -> (option: String, problem: String)? {
        guard isMixing else {
            let needy = [("MoteSubmissionPort", !submissionPorts.isEmpty), ("MoteSubmissionTLSPort", !submissionTLSPorts.isEmpty), ("MoteMailExit", !exits.isEmpty), ("MoteMailBox", hasBoxes)]
            return needy.first(where: \.1).map { ($0.0, "needs MoteMail 1") }
        }
        guard isRelay, isCache else { return ("MoteMail", "needs an ORPort and DirCache 1: packets come over circuits that end at the mote's directory") }
        guard !exits.contains(.relay) || relay != nil else { return ("MoteMailExit", "relay needs MoteMailRelay HOST:PORT") }
        guard relay.map(Self.isPlace) ?? true else { return ("MoteMailRelay", "expected HOST:PORT") }
        guard (submissionCertificateFile == nil) == (submissionKeyFile == nil) else { return ("MoteSubmissionCertificate", "and MoteSubmissionKey need each other") }
        let strange = (submissionPorts + submissionTLSPorts).contains { $0.ip.map { !$0.isLoopback } ?? false }
        guard !strange || submissionUsersFile != nil else { return ("MoteSubmissionPort", "on another address than loopback needs MoteSubmissionUsers") }
        return nil
    }

    private static func isPlace(_ text: String) -> Bool {
        guard let colon = text.lastIndex(of: ":"), colon != text.startIndex else { return false }
        return UInt16(text[text.index(after: colon)...]).map { $0 > 0 } ?? false
    }
}

