internal import Bytes
package import Sealing

/// What a log says it contains, as C2SP's tlog-checkpoint writes it: three lines, a blank one, and signatures as in signed-note.
package struct Checkpoint: Hashable, Sendable {
    package static let linesLimit = 32
    /// Sixteen signatures of the longest kind there is: other people's are carried along unread.
    package static let bytesLimit = 128 << 10

    /// The log's name.
    package let origin: String
    /// How many leaves.
    package let size: Int
    package let root: [UInt8]
    package private(set) var signatures: [Line]

    /// One signature: who, and the key's identifier and what it signed.
    package struct Line: Hashable, Sendable {
        package let name: String
        package let bytes: [UInt8]

        var text: String { "— \(name) \(Base64.encode(bytes))\n" }
    }

    package enum Failure: Error { case malformed }

    package init(origin: String, size: Int, root: [UInt8]) {
        (self.origin, self.size, self.root, signatures) = (origin, size, root, [])
    }

    package var body: String { "\(origin)\n\(size)\n\(Base64.encode(root))\n" }
    package var text: String { body + "\n" + signatures.map(\.text).joined() }

    package init(_ text: String) throws(Failure) {
        guard text.utf8.count <= Self.bytesLimit, text.hasSuffix("\n") else { throw .malformed }
        let lines = text.dropLast().split(separator: "\n", omittingEmptySubsequences: false)
        guard (5...Self.linesLimit).contains(lines.count), !lines[0].isEmpty, let size = Int(lines[1]), size >= 0, String(size) == lines[1],
            let root = Base64.decode(lines[2]), root.count == 32, Base64.encode(root) == lines[2], lines[3].isEmpty
        else { throw .malformed }
        self.init(origin: String(lines[0]), size: size, root: root)
        for line in lines[4...] {
            let parts = line.split(separator: " ", omittingEmptySubsequences: false)
            guard parts.count == 3, parts[0] == "—", !parts[1].isEmpty, !parts[1].contains("+"), let bytes = Base64.decode(parts[2]), Base64.encode(bytes) == parts[2],
                bytes.count > 4
            else { throw .malformed }
            signatures.append(Line(name: String(parts[1]), bytes: bytes))
        }
    }

    // MARK: signatures

    private static let noteKind: UInt8 = 0x01
    private static let witnessKind: UInt8 = 0x04

    private static func keyID(_ name: String, _ kind: UInt8, _ key: [UInt8]) -> [UInt8] {
        Array(Digest.sha256(Array(name.utf8) + [0x0A, kind] + key).prefix(4))
    }

    /// What a witness signs: when, and the whole body.
    private func witnessed(_ seconds: UInt64) -> [UInt8] { Array("cosignature/v1\ntime \(seconds)\n\(body)".utf8) }

    /// Adds the signature lines that a witness answered with; what is no such line is left out.
    package mutating func add(signatures text: String) {
        guard let read = try? Checkpoint(body + "\n" + text) else { return }
        signatures += read.signatures.filter { !signatures.contains($0) }.prefix(max(0, Self.linesLimit - 5 - signatures.count))
    }

    package mutating func sign(_ key: Ed25519Key) {
        signatures.append(Line(name: origin, bytes: Self.keyID(origin, Self.noteKind, key.publicKey) + key.sign(Array(body.utf8))))
    }

    /// For a witness that has seen that the log only grew (tlog-cosignature).
    package mutating func cosign(_ name: String, _ key: Ed25519Key, secondsSinceEpoch: UInt64) {
        signatures.append(cosigned(name, key, secondsSinceEpoch))
    }

    /// The line of it alone, as a witness answers.
    package func cosignature(_ name: String, _ key: Ed25519Key, secondsSinceEpoch: UInt64) -> String { cosigned(name, key, secondsSinceEpoch).text }

    private func cosigned(_ name: String, _ key: Ed25519Key, _ seconds: UInt64) -> Line {
        var writer = ByteWriter()
        writer.append(Self.keyID(name, Self.witnessKind, key.publicKey))
        writer.u64(seconds)
        writer.append(key.sign(witnessed(seconds)))
        return Line(name: name, bytes: writer.bytes)
    }

    package func isSigned(by key: [UInt8]) -> Bool {
        let id = Self.keyID(origin, Self.noteKind, key)
        return signatures.contains {
            $0.name == origin && $0.bytes.count == 68 && $0.bytes[..<4] == id[...] && Ed25519.verify($0.bytes[4...], of: Array(body.utf8), by: key)
        }
    }

    /// Which of those witnesses signed it, and when each first did, in seconds since 1970.
    package func cosigners(_ witnesses: [String: [UInt8]]) -> [String: Int64] {
        var times: [String: Int64] = [:]
        for (name, key) in witnesses {
            let id = Self.keyID(name, Self.witnessKind, key)
            for line in signatures where line.name == name && line.bytes.count == 76 && line.bytes[..<4] == id[...] {
                let seconds = line.bytes[4..<12].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                guard let time = Int64(exactly: seconds), Ed25519.verify(line.bytes[12...], of: Array(witnessed(seconds)), by: key) else { continue }
                times[name] = min(time, times[name] ?? .max)
            }
        }
        return times
    }
}

/// What makes a wallet believe a log: its name and key, and enough witnesses.
package struct LogTrust: Sendable {
    package static let witnessesNeeded = 2

    package let origin: String
    package let key: [UInt8]
    package let witnesses: [String: [UInt8]]

    package init(origin: String, key: [UInt8], witnesses: [String: [UInt8]]) { (self.origin, self.key, self.witnesses) = (origin, key, witnesses) }

    package func accepts(_ checkpoint: Checkpoint) -> Bool { acceptance(checkpoint) != nil }

    /// When enough witnesses had signed it, in seconds since 1970; `nil` unless they did. One witness that lies cannot make it earlier than
    /// an honest one's time.
    package func acceptance(_ checkpoint: Checkpoint) -> Int64? {
        guard checkpoint.origin == origin, checkpoint.isSigned(by: key) else { return nil }
        let times = checkpoint.cosigners(witnesses).values.sorted()
        return times.count >= Self.witnessesNeeded ? times[Self.witnessesNeeded - 1] : nil
    }
}
