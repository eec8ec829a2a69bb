import Letters

extension FuzzTarget {
    private static let letterID = LetterID([UInt8](repeating: 3, count: LetterID.bytesCount))

    /// What mail programs hand in, and what motes hand each other as a letter.
    static let letters = [
        FuzzTarget("submission-session", ["Cores/Letters/Session/SubmissionSession.swift", "Cores/Letters/Session/SMTPCommand.swift", "Cores/Letters/Session/ContentReader.swift"], talk),
        FuzzTarget("letter-message", ["Cores/Letters/Headers/HeaderFields.swift", "Cores/Letters/Headers/LetterPart.swift", "Cores/Letters/Headers/AddressList.swift", "Cores/Letters/Headers/EncodedWords.swift", "Cores/Letters/Headers/MediaType.swift"], normalise),
        FuzzTarget("letter", ["Cores/Letters/Letter.swift"]) { checkExact($0) { try Letter(decoding: $0).encoded } },
        FuzzTarget("letter-piece", ["Cores/Letters/LetterPiece.swift"]) { bytes in
            checkStable(bytes) { try LetterPiece($0).orThrow().encoded }
            checkStable(Array(bytes.prefix(1))) { try LetterPiece.Answer($0).orThrow().encoded }
        },
        FuzzTarget("mail-address", ["Cores/Letters/MailAddress.swift"]) { bytes in
            guard let address = MailAddress(String(decoding: bytes, as: UTF8.self)) else { return }
            precondition(MailAddress("\(address)") == address, "another address")
        },
    ]

    /// The first byte says what the service asks for and in what pieces the rest comes.
    private static func talk(_ bytes: [UInt8]) {
        guard let first = bytes.first else { return }
        var settings = SubmissionSession.Settings()
        settings.sizeLimit = 2_000
        (settings.offersTLS, settings.isSecure, settings.needsUser) = (first & 1 != 0, first & 2 != 0, first & 4 != 0)
        var session = SubmissionSession(settings), rest = bytes.dropFirst()
        _ = session.greet()
        while !rest.isEmpty {
            answer(session.receive(Array(rest.prefix(1 + Int(first >> 3)))), &session)
            rest = rest.dropFirst(1 + Int(first >> 3))
            precondition(session.heldBytes < 10_000, "holds too much")
        }
    }

    private static func answer(_ effects: [SubmissionSession.Effect], _ session: inout SubmissionSession) {
        for effect in effects {
            switch effect {
            case .startTLS: answer(session.secured(), &session)
            case .authenticate(_, let password): answer(session.authenticated(password.count % 2 == 0), &session)
            case .keep(let letter):
                precondition(isCanonical(letter.content), "a line ends otherwise than in CR LF")
                answer(session.kept(nil), &session)
            case .reply, .close: break
            }
        }
    }

    private static func isCanonical(_ content: [UInt8]) -> Bool {
        zip([0] + content, content + [0]).allSatisfy { ($0 == 13) == ($1 == 10) } && !content.contains(0) && content.count <= 2_000
    }

    /// As it comes out of a session: lines end in CR LF, and no other CR, LF or NUL is there.
    private static func normalise(_ bytes: [UInt8]) {
        let lines = bytes.split(separator: 10, omittingEmptySubsequences: false).map { $0.filter { $0 != 13 && $0 != 0 } }
        let content = Array(lines.joined(separator: [13, 10])) + [13, 10]
        guard let id = letterID, let bob = MailAddress("bob@example.net"), let envelope = Envelope(sender: MailAddress("ann@example.org"), recipients: [Recipient(bob)]),
            let letter = try? Normaliser.letter(of: SubmittedLetter(envelope: envelope, content: content, isInternational: bytes.count % 2 == 0), id: id)
        else { return }
        precondition((try? Letter(decoding: letter.encoded)) == letter, "a letter that cannot travel")
    }
}
