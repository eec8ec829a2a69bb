import Ambience
import Pickup
import Synchronization

/// Folders in memory, by the same rules as those on disk.
final class MemoryStorage: LetterStorage {
    private struct Folder {
        var validity: UInt32
        var next: UInt32 = 1
        var letters: [StoredLetter] = []
        var contents: [UInt32: [UInt8]] = [:]
    }

    private struct State {
        var version: Int64 = 0
        var folders: [String: Folder] = ["INBOX": Folder(validity: 7), "Sent": Folder(validity: 8), "Trash": Folder(validity: 9)]
    }

    private let state = Mutex(State())
    private static let now = WallTime(secondsSinceEpoch: 1_800_000_000)

    var version: Int64 { state.withLock { $0.version } }
    func folders() -> [String] { state.withLock { $0.folders.keys.sorted() } }

    private func on<R: Sendable>(_ name: String, _ body: (inout Folder) -> R) throws(StorageRefusal) -> R {
        let result = state.withLock { state -> R? in
            guard var folder = state.folders[name] else { return nil }
            defer { state.folders[name] = folder }
            return body(&folder)
        }
        guard let result else { throw .noSuchFolder }
        return result
    }

    private func changed() { state.withLock { $0.version += 1 } }

    func folder(_ name: String) throws(StorageRefusal) -> LetterFolder {
        try on(name) { LetterFolder(name: name, validity: $0.validity, nextUID: $0.next, letters: $0.letters) }
    }

    func content(_ uid: UInt32, of folder: String) throws(StorageRefusal) -> [UInt8]? { try on(folder) { $0.contents[uid] } }

    func setFlags(_ flags: Set<LetterFlag>, of uid: UInt32, in folder: String) throws(StorageRefusal) {
        try on(folder) { folder in if let index = folder.letters.firstIndex(where: { $0.uid == uid }) { folder.letters[index].flags = flags } }
        changed()
    }

    func append(_ content: [UInt8], to folder: String, flags: Set<LetterFlag>, received: WallTime?) throws(StorageRefusal) -> UInt32 {
        let uid = try on(folder) { folder in
            folder.letters.append(StoredLetter(uid: folder.next, sizeBytes: content.count, received: received ?? Self.now, flags: flags))
            folder.contents[folder.next] = content
            folder.next += 1
            return folder.next - 1
        }
        changed()
        return uid
    }

    func copy(_ uids: [UInt32], of folder: String, to other: String, isMove: Bool) throws(StorageRefusal) -> [(from: UInt32, to: UInt32)] {
        var pairs: [(from: UInt32, to: UInt32)] = []
        for uid in uids {
            guard let content = try content(uid, of: folder), let letter = try self.folder(folder).letters.first(where: { $0.uid == uid }) else { continue }
            pairs.append((uid, try append(content, to: other, flags: letter.flags, received: letter.received)))
        }
        if isMove { try remove(uids, of: folder) }
        return pairs
    }

    func remove(_ uids: [UInt32], of folder: String) throws(StorageRefusal) {
        try on(folder) { folder in folder.letters.removeAll { uids.contains($0.uid) } }
        changed()
    }

    func makeFolder(_ name: String) throws(StorageRefusal) {
        guard !folders().contains(name) else { throw .folderExists }
        state.withLock { $0.folders[name] = Folder(validity: UInt32($0.folders.count) + 100) }
    }

    func removeFolder(_ name: String) throws(StorageRefusal) {
        guard folders().contains(name) else { throw .noSuchFolder }
        state.withLock { $0.folders[name] = nil }
        changed()
    }

    func renameFolder(_ name: String, to other: String) throws(StorageRefusal) {
        guard folders().contains(name) else { throw .noSuchFolder }
        state.withLock { $0.folders[other] = $0.folders.removeValue(forKey: name) }
        changed()
    }

    @discardableResult
    func put(_ text: String) -> UInt32 { (try? append(Array(text.utf8), to: "INBOX", flags: [], received: nil)) ?? 0 }
}

enum Samples {
    static let plain = "From: Alice <alice@example.org>\r\nTo: Bob <bob@example.org>, carol@example.org\r\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\nDate: Sun, 22 Nov 2026 00:00:00 +0000\r\nMessage-ID: <1@x>\r\n\r\nHello Bob.\r\n.dots\r\nlast line\r\n"
    static let mixed = """
        From: "A, B" <ab@example.org>\r
        To: friends: x@a, y@b;\r
        Subject: parts\r
        MIME-Version: 1.0\r
        Content-Type: multipart/mixed; boundary="=_b"\r
        \r
        preamble\r
        --=_b\r
        Content-Type: text/plain; charset=utf-8\r
        Content-Transfer-Encoding: quoted-printable\r
        \r
        caf=C3=A9\r
        --=_b\r
        Content-Type: message/rfc822\r
        Content-Disposition: attachment; filename="in ner.eml"\r
        \r
        Subject: inner\r
        From: inner@example.org\r
        \r
        inner body\r
        --=_b\r
        Content-Type: multipart/alternative; boundary=c\r
        \r
        --c\r
        \r
        one\r
        --c\r
        Content-Type: text/html\r
        \r
        <p>two\r
        --c--\r
        --=_b\r
        Content-Type: application/pdf; name=x.pdf\r
        Content-Transfer-Encoding: base64\r
        \r
        AAAA\r
        --=_b--\r
        epilogue\r

        """
}
