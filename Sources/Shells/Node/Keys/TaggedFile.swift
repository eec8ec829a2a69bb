internal import Ambience
internal import Sealing

/// Stock tor's binary key files: a 32-byte header `== TYPE: TAG ==`, padded with zeros, then the key.
struct TaggedFile {
    let type: String
    let tag: String

    static let ntor = TaggedFile(type: "c25519v1", tag: "onion")
    static let masterSecret = TaggedFile(type: "ed25519v1-secret", tag: "type0")
    static let masterPublic = TaggedFile(type: "ed25519v1-public", tag: "type0")
    static let signingSecret = TaggedFile(type: "ed25519v1-secret", tag: "type4")
    static let signingCertificate = TaggedFile(type: "ed25519v1-cert", tag: "type4")

    static let familySecret = TaggedFile(type: "ed25519v1-secret", tag: "fmly-id")

    static let headerBytes = 32

    var header: [UInt8] {
        let text = Array("== \(type): \(tag) ==".utf8)
        return text + [UInt8](repeating: 0, count: Self.headerBytes - text.count)
    }

    /// The bytes after the header, or `nil` when there is no such file.
    func read(_ path: String) throws(NodeFailure) -> [UInt8]? {
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try Files.read(path)
        } catch {
            if error.isMissing { return nil }
            throw NodeFailure(error)
        }
        guard bytes.starts(with: header) else { throw NodeFailure(.badData, "\(path): expected a file that begins with \"== \(type): \(tag) ==\"") }
        return Array(bytes.dropFirst(Self.headerBytes))
    }

    func write(_ path: String, _ body: [UInt8]) throws(NodeFailure) {
        var bytes = header + body
        defer { bytes.wipe() }
        do throws(FileError) { try Files.replace(path, with: bytes) } catch { throw NodeFailure(error) }
    }
}
