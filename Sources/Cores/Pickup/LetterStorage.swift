package import Ambience

/// A letter in a folder, without its content.
package struct StoredLetter: Hashable, Sendable {
    /// Ascends within the folder, and is never used again there.
    package let uid: UInt32
    package let sizeBytes: Int
    package let received: WallTime
    package var flags: Set<LetterFlag>

    package init(uid: UInt32, sizeBytes: Int, received: WallTime, flags: Set<LetterFlag>) {
        (self.uid, self.sizeBytes, self.received, self.flags) = (uid, sizeBytes, received, flags)
    }
}

/// A flag of IMAP's (RFC 3501, section 2.3.2) or a keyword of the owner's programs. Case makes no difference.
package struct LetterFlag: Hashable, Comparable, Sendable {
    package static let seen = LetterFlag(known: "\\Seen"), answered = LetterFlag(known: "\\Answered"), flagged = LetterFlag(known: "\\Flagged")
    package static let deleted = LetterFlag(known: "\\Deleted"), draft = LetterFlag(known: "\\Draft")
    static let ofSystem = [answered, flagged, deleted, seen, draft]
    /// Of one letter.
    package static let limit = 32
    private static let limitBytes = 64

    package let text: String

    private init(known text: String) { self.text = text }

    /// `nil` for what is no flag, or one that only a server sets.
    package init?(_ text: String) {
        if let own = Self.ofSystem.first(where: { $0.text.lowercased() == text.lowercased() }) {
            self = own
        } else {
            guard (1...Self.limitBytes).contains(text.utf8.count), text.utf8.allSatisfy(IMAPReader.isAtom) else { return nil }
            self.text = text
        }
    }

    package static func == (a: LetterFlag, b: LetterFlag) -> Bool { a.text.lowercased() == b.text.lowercased() }
    package static func < (a: LetterFlag, b: LetterFlag) -> Bool { a.text.lowercased() < b.text.lowercased() }
    package func hash(into hasher: inout Hasher) { hasher.combine(text.lowercased()) }
}

package struct LetterFolder: Sendable {
    package let name: String
    /// Another one if ever a folder of that name begins anew.
    package let validity: UInt32
    /// The next letter's.
    package let nextUID: UInt32
    /// By ascending numbers.
    package let letters: [StoredLetter]

    package init(name: String, validity: UInt32, nextUID: UInt32, letters: [StoredLetter]) {
        (self.name, self.validity, self.nextUID, self.letters) = (name, validity, nextUID, letters)
    }
}

/// What programs may not do, as the answer has it.
package enum StorageRefusal: Error, Hashable {
    case noSuchFolder, folderExists, badName, full, failed
}

/// Where letters lie for mail programs; several sessions use it at the same time. When a call returns, what it changed is durable.
package protocol LetterStorage: Sendable {
    /// Changes whenever anything does.
    var version: Int64 { get }
    func folders() throws(StorageRefusal) -> [String]
    func folder(_ name: String) throws(StorageRefusal) -> LetterFolder
    /// `nil` when it is gone.
    func content(_ uid: UInt32, of folder: String) throws(StorageRefusal) -> [UInt8]?
    func setFlags(_ flags: Set<LetterFlag>, of uid: UInt32, in folder: String) throws(StorageRefusal)
    /// The new letter's number.
    func append(_ content: [UInt8], to folder: String, flags: Set<LetterFlag>, received: WallTime?) throws(StorageRefusal) -> UInt32
    /// The copies' numbers, in the order of the letters that were still there; with `isMove` those are gone afterwards.
    func copy(_ uids: [UInt32], of folder: String, to other: String, isMove: Bool) throws(StorageRefusal) -> [(from: UInt32, to: UInt32)]
    func remove(_ uids: [UInt32], of folder: String) throws(StorageRefusal)
    func makeFolder(_ name: String) throws(StorageRefusal)
    func removeFolder(_ name: String) throws(StorageRefusal)
    func renameFolder(_ name: String, to other: String) throws(StorageRefusal)
}
