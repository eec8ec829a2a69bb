/// Answers to complaints, in plain words, filled with the facts of one mote. They promise nothing that the program does not do.
package struct AbuseReply: Sendable {
    package let name: String
    /// When to use it.
    package let purpose: String
    private let body: String

    package static let all = [
        AbuseReply(
            name: "general", purpose: "a complaint about anything that came from a mote's address",
            body: """
                thank you for your report about {address}.

                From {intended} until {end} (UTC) that address was used by a relay of an anonymity network. The relay passes on traffic for people whom we do
                not know. Neither we nor the relay started the connection that you report.

                We cannot tell you who did. The relay keeps no record of its users, of where they connect to or of what they send, and nothing like that can
                be reconstructed: the network is made so that a relay does not learn it.

                The relay {life}. What we do know about it - when it ran, what it ran, which rules it applied - is in a signed file that we attach.

                If connections from such relays trouble your service, you can refuse them for the time that you need: this one's rules are below, and relays
                announce when they end.

                {policy}
                """),
        AbuseReply(
            name: "scan", purpose: "port scans, attempts to log in, other automatic attacks",
            body: """
                we are sorry about the connection attempts that you saw from {address}.

                At that time ({intended} to {end}, UTC) the address belonged to a relay of an anonymity network. Somebody whom we do not know sent the attempts
                through it; the machine was not broken into, and it runs nothing that could make them by itself.

                The relay {life}. If you tell us the ports and the addresses of yours that must not be reached, we can refuse them in the rules of the relays
                that follow. The present rules:

                {policy}
                """),
        AbuseReply(
            name: "copyright", purpose: "notices about works that were shared",
            body: """
                we have your notice about {address}.

                From {intended} until {end} (UTC) a relay of an anonymity network was at that address. We neither stored nor chose what went through it, did not
                change it and did not know of it. Nothing of it is on the machine, and we have no record of who sent or received it.

                The relay {life}. A signed statement of what it was and what it did not record is attached.
                """),
        AbuseReply(
            name: "authorities", purpose: "a question by police or a court",
            body: """
                this is about the address {address}, which from {intended} until {end} (UTC) was used by a relay of an anonymity network.

                What exists: the times at which the relay was ordered, started and ended; which provider and region it was at; what software it ran; its
                published descriptions; the rules by which it let connections out. All of it is in the signed file that we attach, and you can check it
                yourself: {evidence}

                What does not exist: records of users, of connections through the relay or of their contents. They were not deleted; they were never made.

                The relay {life}. Should you be about to seize a machine: it has no disk, and its keys are in its memory only. Please ask us first.
                """),
        AbuseReply(
            name: "provider", purpose: "a question by the provider that rents out the machine",
            body: """
                you ask about {address} ({provider}), instance {nickname}.

                It is a relay of an anonymity network, made to live until {expires} (UTC), and it {life}. It was not broken into. We take complaints seriously:
                the relay and all of its kind can be ended at once, and we will do that if you ask us to (for us: dustcloud kill {key}).

                The rules by which it lets connections out:

                {policy}
                """),
    ]

    package static func named(_ name: String) -> AbuseReply? { all.first { $0.name == name } }

    /// The letter, without a salutation of anybody by name.
    package func text(_ statement: Statement) -> String {
        let isOver = statement.gone != nil
        let values = [
            "address": statement.address ?? "the address that you name", "intended": statement.intended, "expires": statement.expires,
            "end": statement.gone ?? "now, and at the latest \(statement.expires)", "nickname": statement.nickname, "key": String(statement.key.prefix(8)),
            "life": isOver ? "is gone since \(statement.gone ?? "")" : "ends at the latest at \(statement.expires) (UTC)",
            "provider": [statement.provider, statement.region].filter { !$0.isEmpty }.joined(separator: ", "),
            "policy": (statement.exitPolicy ?? ["(it published no rules, and nobody could use it)"]).map { "    " + $0 }.joined(separator: "\n"),
            "evidence": "dustcloud mote evidence --verify FILE",
        ]
        var text = "Hello,\n\n" + body
        for (name, value) in values { text = text.split(separator: "{\(name)}", omittingEmptySubsequences: false).joined(separator: value) }
        return text + "\n\nRegards,\n(your name and how you can be reached)\n"
    }
}
