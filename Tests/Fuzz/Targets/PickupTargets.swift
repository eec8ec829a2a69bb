import Ambience
import Boxes
import Pickup
import Sealing

/// One folder with two letters, which nobody changes.
private struct FixedLetters: LetterStorage {
    private static let text = """
        From: "A, B" <a@b> (c), g: x@y;\r
        Subject: =?utf-8?B?w6k=?=\r
        Date: 22 Nov 2026 00:00:00 +0000\r
        Content-Type: multipart/mixed; boundary=b\r
        \r
        --b\r
        Content-Transfer-Encoding: quoted-printable\r
        \r
        =C3=A9=\r
        \r
        --b\r
        Content-Type: message/rfc822\r
        \r
        Subject: in\r
        \r
        .\r
        --b--\r

        """
    private static let letters = (1...2).map { StoredLetter(uid: $0, sizeBytes: text.utf8.count, received: WallTime(secondsSinceEpoch: 1_800_000_000), flags: $0 == 1 ? [.seen] : []) }

    let version: Int64 = 1
    func folders() -> [String] { ["INBOX", "Sent", "a/b"] }
    func folder(_ name: String) throws(StorageRefusal) -> LetterFolder {
        guard folders().contains(name) else { throw .noSuchFolder }
        return LetterFolder(name: name, validity: 1, nextUID: 3, letters: Self.letters)
    }

    func content(_ uid: UInt32, of folder: String) -> [UInt8]? { uid <= 2 ? Array(Self.text.utf8) : nil }
    func setFlags(_ flags: Set<LetterFlag>, of uid: UInt32, in folder: String) {}
    func append(_ content: [UInt8], to folder: String, flags: Set<LetterFlag>, received: WallTime?) -> UInt32 { 3 }
    func copy(_ uids: [UInt32], of folder: String, to other: String, isMove: Bool) -> [(from: UInt32, to: UInt32)] { uids.map { ($0, $0) } }
    func remove(_ uids: [UInt32], of folder: String) {}
    func makeFolder(_ name: String) throws(StorageRefusal) { throw .full }
    func removeFolder(_ name: String) throws(StorageRefusal) { throw .failed }
    func renameFolder(_ name: String, to other: String) throws(StorageRefusal) { throw .badName }
}

extension FuzzTarget {
    private static let login = PickupLogin { _, _ in true }
    private static let boxKey = Curve25519Key(secret: [UInt8](repeating: 1, count: 32))
    private static let boxTime = WallTime(secondsSinceEpoch: 1_800_000_000)
    /// An honest one, to the mote with `boxKey`, which also has the box.
    private static let question = boxKey.flatMap { BoxQuestion.make($0, to: BoxMote(identity: [], mailKey: $0.publicKey), .few, known: [[UInt8](repeating: 2, count: 16)], now: boxTime) } ?? []

    /// What the owner's programs send, what is in letters, and what lies in boxes.
    static let pickup = [
        FuzzTarget("imap", ["Cores/Pickup/IMAP/IMAPSession.swift", "Cores/Pickup/IMAP/IMAPReader.swift", "Cores/Pickup/IMAP/IMAPInput.swift", "Cores/Pickup/IMAP/SearchKey.swift"]) { bytes in
            var session = IMAPSession(FixedLetters(), login)
            session.receive(Array("a LOGIN a b\r\nb SELECT INBOX\r\n".utf8)) { _ in true }
            // The first byte says where it is cut in two.
            let cut = min(bytes.count, Int(bytes.first ?? 0))
            session.receive(Array(bytes[..<cut])) { _ in true }
            session.receive(Array(bytes[cut...])) { _ in true }
            session.tell { _ in true }
        },
        FuzzTarget("pop3", ["Cores/Pickup/POP3Session.swift"]) { bytes in
            var session = POP3Session(FixedLetters(), login)
            session.receive(bytes) { _ in true }
        },
        FuzzTarget("mail-message", ["Cores/Pickup/Messages/MailPart.swift", "Cores/Pickup/Messages/MailHeader.swift", "Cores/Pickup/Messages/AddressList.swift"]) { bytes in
            var session = IMAPSession(OneLetter(content: bytes), login)
            session.receive(Array("a LOGIN a b\r\nb SELECT INBOX\r\nc FETCH 1 (ENVELOPE BODYSTRUCTURE BODY[1.1] BODY[2.HEADER] BODY[HEADER.FIELDS (To)])\r\nd SEARCH TEXT x SENTSINCE 1-Jan-2026\r\n".utf8)) { _ in true }
        },
        FuzzTarget("delivery-notice", ["Cores/Pickup/Messages/DeliveryNotice.swift"]) { bytes in
            guard let notice = DeliveryNotice(bytes) else { return }
            precondition((1...100).contains(notice.lines.count) && notice.lines.allSatisfy { $0.reason.utf8.allSatisfy { (0x20...0x7E).contains($0) } }, "steers a terminal")
        },
        FuzzTarget("box-piece", ["Cores/Boxes/BoxItem.swift"]) { checkStable($0) { try BoxPiece(padded: $0 + [UInt8](repeating: 0, count: max(0, 16_336 - $0.count))).orThrow().padded } },
        FuzzTarget("box-question", ["Cores/Boxes/BoxCollection.swift"]) { bytes in
            let edited = Edits(bytes).apply(to: question)
            for question in [bytes, edited] where boxKey.flatMap({ BoxQuestion(question, to: $0, now: boxTime) }) != nil { precondition(question == Self.question, "changed on its way") }
            _ = BoxAddress(mailbox: String(decoding: bytes, as: UTF8.self))
            // The items themselves are of no interest: short ones are filled up.
            let items = 32 + BoxItem.bytesCount * (1 + bytes.count % 3)
            checkExact(bytes + [UInt8](repeating: 0, count: max(0, items - bytes.count))) { try BoxParcel($0).orThrow().encoded }
            let size = BoxQuestion.Size.few, answer = BoxAnswer(bytes + [UInt8](repeating: 0, count: max(0, size.answerBytes - bytes.count)), size)
            precondition(answer.map { $0.items.count <= Int(size.rawValue) } ?? true)
        },
    ]
}

/// The letter under test.
private struct OneLetter: LetterStorage {
    let content: [UInt8]
    let version: Int64 = 1

    func folders() -> [String] { ["INBOX"] }
    func folder(_ name: String) -> LetterFolder {
        LetterFolder(name: "INBOX", validity: 1, nextUID: 2, letters: [StoredLetter(uid: 1, sizeBytes: content.count, received: WallTime(secondsSinceEpoch: 0), flags: [])])
    }

    func content(_ uid: UInt32, of folder: String) -> [UInt8]? { content }
    func setFlags(_ flags: Set<LetterFlag>, of uid: UInt32, in folder: String) {}
    func append(_ content: [UInt8], to folder: String, flags: Set<LetterFlag>, received: WallTime?) -> UInt32 { 2 }
    func copy(_ uids: [UInt32], of folder: String, to other: String, isMove: Bool) -> [(from: UInt32, to: UInt32)] { [] }
    func remove(_ uids: [UInt32], of folder: String) {}
    func makeFolder(_ name: String) {}
    func removeFolder(_ name: String) {}
    func renameFolder(_ name: String, to other: String) {}
}
