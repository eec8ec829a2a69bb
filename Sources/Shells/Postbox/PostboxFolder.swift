internal import Ambience
internal import Boxes
internal import Bytes
internal import CLinux
internal import Glibc
package import Sealing

/// What a command on a mailbox could not do: words for its user, and what kind of trouble it is.
package struct PostboxError: Error, CustomStringConvertible {
    package enum Kind: Sendable { case notFound, badData, unavailable, busy, cannotCreate }

    package let kind: Kind
    package let description: String

    package init(_ kind: Kind, _ description: String) { (self.kind, self.description) = (kind, description) }
}

/// Where a mailbox lies on its owner's machine: its key, what mail programs log in with, and its letters. Mode 0700.
package struct PostboxFolder: Sendable {
    package static let user = "dustcloud"
    private static let passwordBytes = 15

    package let path: String

    package init(_ path: String) { self.path = path }

    private var keyFile: String { path + "/key" }
    private var passwordFile: String { path + "/password" }
    package var database: String { path + "/letters.sqlite" }
    var lock: String { path + "/lock" }
    package var exists: Bool { Files.exists(keyFile) }

    /// The box's key, made the first time. Whoever has the file reads the letters.
    package func key(making: Bool) throws(PostboxError) -> Curve25519Key {
        if !exists {
            guard making else { throw PostboxError(.notFound, "there is no mailbox in \(path); make one with: dustcloud mail address") }
            try make()
        }
        return try readKey()
    }

    private func make() throws(PostboxError) {
        do throws(FileError) {
            try Files.makeFolder(path)
            try Files.replace(passwordFile, with: Base64.encode(SecureRandom.bytes(Self.passwordBytes)) + "\n")
            var text = Array(Hex.lower(SecureRandom.bytes(Curve25519Key.bytes)).utf8) + [10]
            defer { text.wipe() }
            try Files.replace(keyFile, with: text)
        } catch { throw PostboxError(.cannotCreate, "cannot make a mailbox: \(error)") }
    }

    private func readKey() throws(PostboxError) -> Curve25519Key {
        let text: String
        do throws(FileError) { text = try Files.readText(keyFile) } catch { throw PostboxError(.unavailable, "cannot read the mailbox's key: \(error)") }
        guard var bytes = Hex.decode(text.split(whereSeparator: \.isWhitespace).first ?? ""), let key = Curve25519Key(secret: bytes) else {
            throw PostboxError(.badData, "\(keyFile) is no key: 64 hexadecimal digits are expected")
        }
        bytes.wipe()
        return key
    }

    /// Makes the names of letters that the owner of `key` writes.
    package static func namingKey(_ key: Curve25519Key) -> SecretBytes { Digest.expandSHA512(secret: key.secret, info: Array("dust-box naming".utf8), count: 32) }

    /// What mail programs say, besides `user`.
    package func password() throws(PostboxError) -> String {
        do throws(FileError) { return String(try Files.readText(passwordFile).prefix { !$0.isWhitespace }) } catch { throw PostboxError(.unavailable, "cannot read the mailbox's password: \(error)") }
    }
}

/// The right to serve a mailbox and to collect for it. The system takes it back when the process ends, however it ends.
package struct PostboxLock: ~Copyable {
    private let fd: Int32

    package init(_ folder: PostboxFolder) throws(PostboxError) {
        fd = dc_open(folder.lock, O_RDWR | O_CREAT, 0o600)
        guard fd >= 0 else { throw PostboxError(.cannotCreate, "cannot open \(folder.lock): \(String(cString: strerror(errno)))") }
        guard flock(fd, LOCK_EX | LOCK_NB) == 0 else {
            close(fd)
            throw PostboxError(.busy, "another process serves the mailbox in \(folder.path) already")
        }
    }

    deinit { close(fd) }
}
