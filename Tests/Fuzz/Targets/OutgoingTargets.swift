import Ambience
import Outgoing
import Sealing

extension FuzzTarget {
    private static let morning = WallTime(secondsSinceEpoch: 1_800_000_000)

    /// What mail servers, name servers and web servers of strangers say to a mote that delivers letters, and what it wrote down itself.
    static let outgoing = [
        FuzzTarget("smtp-replies", ["Cores/Outgoing/Session/SMTPReply.swift"], readReplies),
        FuzzTarget("smtp-server", ["Cores/Outgoing/Session/SMTPClient.swift", "Cores/Outgoing/Session/SMTPCapabilities.swift"], bringLetter),
        FuzzTarget("dns-answer", ["Cores/Outgoing/Naming/DNSMessage.swift", "Cores/Outgoing/Naming/DNSParser.swift", "Cores/Outgoing/Routes/DirectRoutes.swift"], askNames),
        FuzzTarget("mail-policy", ["Cores/Outgoing/Naming/STSPolicy.swift"]) { bytes in
            _ = STSPolicy.id(in: [bytes])
            guard let policy = STSPolicy(bytes) else { return }
            precondition(policy.maxAgeSeconds <= STSPolicy.ageLimitSeconds && (policy.mode == .none || !policy.patterns.isEmpty), "no policy")
            precondition(!policy.allows(""), "a server without a name")
            keep(policy)
        },
        FuzzTarget("policy-answer", ["Cores/Outgoing/Naming/HTTPAnswer.swift"]) { bytes in
            guard let text = HTTPAnswer.text(bytes) else { return }
            precondition(text.count < bytes.count && bytes.suffix(text.count).elementsEqual(text), "not what came")
        },
        FuzzTarget("kept-policy", ["Cores/Outgoing/Naming/STSCache.swift"]) { bytes in
            var cache = STSCache()
            cache.resume(bytes, at: morning)
            for domain in cache.domains {
                guard let record = cache.record(of: domain) else { preconditionFailure("cannot be written down") }
                precondition((try? reread(record, domain)) == record, "changes what it wrote itself")
            }
        },
        FuzzTarget("queued-letter", ["Cores/Outgoing/Queue/QueuedLetter.swift"]) { checkExact($0) { try QueuedLetter(decoding: $0).orThrow().encoded } },
        FuzzTarget("delivery-progress", ["Cores/Outgoing/Queue/Settlement.swift"]) { checkExact($0) { try Progress(decoding: $0).orThrow().encoded } },
    ]

    /// The same replies, however the bytes come.
    private static func readReplies(_ bytes: [UInt8]) {
        func read(_ pieces: [ArraySlice<UInt8>]) -> [SMTPReply]? {
            var reader = SMTPReplyReader(), replies: [SMTPReply] = []
            for piece in pieces {
                var rest = piece
                do { while let reply = try reader.next(&rest) { replies.append(reply) } } catch { return nil }
            }
            return replies
        }
        let whole = read([bytes[...]]), single = read(bytes.indices.map { bytes[$0...$0] })
        precondition(whole == single, "pieces make other replies")
        for reply in whole ?? [] { precondition(reply.text.count <= 200 && reply.lines.count <= SMTPReplyReader.linesLimit && reply.status.first == "\(reply.code)".first) }
    }

    /// The first byte says what is needed of the server and whether all of the letter is sent, the second in what pieces it speaks.
    private static func bringLetter(_ bytes: [UInt8]) {
        guard bytes.count > 2 else { return }
        let ways: [SMTPClient.Encryption] = [.never, .ifOffered, .required, .fromTheStart], way = ways[Int(bytes[0] & 3)], login = SMTPLogin(name: "me", password: SecretBytes([1, 2, 3]))
        let mail = OutgoingMail(reversePath: "", recipients: ["a@x", "b@x", "c@x"], content: Array("Subject: \(bytes[0] & 8 == 0 ? "x" : "é")\r\n\r\n.\r\n".utf8), needsUTF8: bytes[0] & 16 != 0)
        var client = SMTPClient(mail, name: "out.example", encryption: way, login: bytes[0] & 4 == 0 ? nil : login)
        var rest = bytes.dropFirst(2), verdicts: [SMTPVerdict]?, isSecured = way == .fromTheStart
        func obey(_ effects: [SMTPClient.Effect]) {
            for effect in effects {
                switch effect {
                case .send(let line): checkSent(line, isSecured: isSecured, isRequired: way == .required)
                case .startTLS:
                    precondition(!isSecured && way != .never, "TLS that nobody wanted")
                    isSecured = true
                    obey(client.secured())
                case .sendContent:
                    precondition(isSecured || way != .required, "a letter for all to read")
                    if bytes[0] & 32 == 0 { while !client.more(4).isEmpty {} } else { _ = client.more(4) }
                case .done(let found):
                    precondition(verdicts == nil && found.count == 3, "not one end")
                    verdicts = found
                }
            }
        }
        while !rest.isEmpty {
            obey(client.received(Array(rest.prefix(1 + Int(bytes[1])))))
            rest = rest.dropFirst(1 + Int(bytes[1]))
        }
        obey(client.ended(.lost))
        guard let verdicts else { preconditionFailure("no end") }
        precondition(!verdicts.contains(.delivered) || client.mayHaveDelivered, "delivered without sending")
    }

    private static func checkSent(_ bytes: [UInt8], isSecured: Bool, isRequired: Bool) {
        let text = String(decoding: bytes, as: UTF8.self)
        precondition(bytes.suffix(2) == [13, 10] && bytes.count < 1_000, "no lines")
        precondition(isSecured || !text.hasPrefix("AUTH") && !text.contains("AQID"), "a password for all to read")
        precondition(isSecured || !isRequired || !text.hasPrefix("MAIL"), "a sender for all to read")
    }

    /// The first byte says what was asked.
    private static func askNames(_ bytes: [UInt8]) {
        let kinds: [DNSType] = [.a, .cname, .mx, .txt, .aaaa, .srv, .tlsa]
        guard let first = bytes.first, let answer = try? DNSMessage.answer(Array(bytes.dropFirst()), to: "b.example", kinds[Int(first) % kinds.count]) else { return }
        precondition(answer.records.count <= DNSMessage.recordsLimit)
        var random = SeededRandom(seed: 1)
        if let hosts = try? DirectRoutes.hosts(of: "b.example", answer, &random) { precondition(hosts.count <= DirectRoutes.hostsLimit && !hosts.contains("")) }
        precondition(OnionRoutes.announced(answer, &random).allSatisfy { answer.isAuthentic && OnionRoutes.isOnion($0.host) })
        let addresses = answer.records.compactMap { record -> IPAddress? in if case .address(let ip) = record { ip } else { nil } }
        precondition(DirectRoutes.reachable(addresses, allowsPrivate: false).allSatisfy { !$0.isPrivate })
        _ = DirectRoutes.trust(in: .init(name: "mx.b.example", addresses: [], isAuthentic: true, associations: answer), of: "b.example", nil)
    }

    private static func keep(_ policy: STSPolicy) {
        var cache = STSCache(), again = STSCache()
        _ = cache.keep(policy, id: "1", of: "b.example", at: morning)
        guard let record = cache.record(of: "b.example") else { preconditionFailure("cannot be written down") }
        again.resume(record, at: morning)
        precondition(policy.maxAgeSeconds == 0 || again.policy(of: "b.example", at: morning) == policy, "another policy")
    }

    private static func reread(_ record: [UInt8], _ domain: String) throws -> [UInt8] {
        var cache = STSCache()
        cache.resume(record, at: morning)
        return try cache.record(of: domain).orThrow()
    }
}
