internal import Ambience
internal import Bytes
internal import Sealing
internal import Torrc

/// Keys by which a relay proves that it belongs to families (proposal 321), in files `NAME.secret_family_key`.
package enum FamilyKeys {
    /// More keys than this are refused: their certificates go into every descriptor.
    static let limit = 16
    static let suffix = ".secret_family_key"

    /// What a family is called in torrc and documents, without `ed25519:`.
    static func id(_ publicKey: [UInt8]) -> String { Base64.encode(publicKey, padded: false) }

    /// The keys that `options` ask for, in the order of their files' names. A family that is asked for and has no key is an error.
    static func load(_ options: FamilyOptions, _ directory: DataDirectory) throws(NodeFailure) -> [Ed25519Key] {
        guard options.isAny else { return [] }
        let folder = options.folder ?? directory.keys
        let names: [String]
        do throws(FileError) { names = try Files.list(folder).filter { $0.hasSuffix(suffix) } } catch { throw NodeFailure(error) }
        var keys: [Ed25519Key] = []
        for name in names {
            let key = try read("\(folder)/\(name)")
            if options.takesAll || options.ids.contains(id(key.publicKey)) { keys.append(key) }
        }
        let found = Set(keys.map { id($0.publicKey) })
        if let missing = options.ids.first(where: { !found.contains($0) }) {
            throw NodeFailure(.badData, "FamilyId \(missing): no file in \(folder) that ends with \(suffix) holds its key")
        }
        guard keys.count <= limit else { throw NodeFailure(.configuration, "FamilyId: expected at most \(limit) families, \(folder) has \(keys.count)") }
        return keys
    }

    /// What `--keygen-family NAME` does: makes `NAME.secret_family_key` and `NAME.public_family_id`; the id. An existing key is never overwritten.
    package static func make(_ name: String) throws(NodeFailure) -> String {
        let path = name + suffix
        guard !Files.exists(path) else { throw NodeFailure(.cannotCreate, "\(path) exists already and is not overwritten") }
        let key = Ed25519Key()
        var bytes = key.expanded.copy
        defer { bytes.wipe() }
        try TaggedFile.familySecret.write(path, bytes)
        do throws(FileError) { try Files.replace(name + ".public_family_id", with: id(key.publicKey) + "\n") } catch { throw NodeFailure(error) }
        return id(key.publicKey)
    }

    private static func read(_ path: String) throws(NodeFailure) -> Ed25519Key {
        guard var bytes = try TaggedFile.familySecret.read(path) else { throw NodeFailure(.badData, "\(path): vanished while it was read") }
        defer { bytes.wipe() }
        guard let key = Ed25519Key(expanded: bytes) else { throw NodeFailure(.badData, "\(path): expected an expanded Ed25519 key of 64 bytes") }
        return key
    }
}
