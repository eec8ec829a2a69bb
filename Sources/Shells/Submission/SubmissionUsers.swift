internal import Ambience
internal import Sealing

/// Who may hand in letters: names, and Argon2id hashes of their passwords.
package struct SubmissionUsers: Sendable {
    package struct Flaw: Error, Hashable, CustomStringConvertible {
        package let line: Int
        package var description: String { "line \(line) is not NAME:HASH; make HASH with: printf %s PASSWORD | argon2 $(openssl rand -hex 8) -id -t 2 -m 16 -p 1 -e (Debian's package argon2)" }
    }

    static let usersLimit = 10_000
    private let hashes: [String: String]
    /// Compared with when there is nobody of that name, so that it takes as long.
    private static let nobody = Argon2Hash.make(SecureRandom.bytes(16)) ?? ""

    /// Reads a line for each: `NAME:HASH`. Empty lines and those that begin with `#` are passed over.
    package init(_ text: String) throws(Flaw) {
        var hashes: [String: String] = [:]
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() where !line.isEmpty && line.first != "#" {
            guard let colon = line.firstIndex(of: ":"), colon != line.startIndex, hashes.count < Self.usersLimit else { throw Flaw(line: index + 1) }
            let hash = String(line[line.index(after: colon)...])
            guard Argon2Hash.isHash(hash) else { throw Flaw(line: index + 1) }
            hashes[String(line[..<colon])] = hash
        }
        self.hashes = hashes
    }

    /// Takes a tenth of a second of work, whatever the answer.
    func isRight(_ name: String, _ password: [UInt8]) -> Bool {
        let matches = Argon2Hash.matches(hashes[name] ?? Self.nobody, password)
        return matches && hashes[name] != nil
    }
}
