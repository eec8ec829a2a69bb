internal import Ambience
internal import Sealing

/// Reads and writes the single keys of a relay in stock tor's forms.
struct KeyFiles {
    let directory: DataDirectory

    func exists(_ name: String) -> Bool { Files.exists(directory.key(name)) }

    func rsa(_ name: String) throws(NodeFailure) -> RSAKey? {
        let path = directory.key(name)
        guard var pem = try read(path) else { return nil }
        defer { pem.wipe() }
        guard let key = RSAKey(pem: pem), key.publicKey.bits == 1024 else { throw NodeFailure(.badData, "\(path): expected an RSA key of 1024 bits in PEM form") }
        return key
    }

    func rsaOrNew(_ name: String) throws(NodeFailure) -> RSAKey {
        if let key = try rsa(name) { return key }
        let key = RSAKey.generate(bits: 1024)
        try write(key, name)
        return key
    }

    func write(_ key: RSAKey, _ name: String) throws(NodeFailure) {
        var pem = key.pem
        defer { pem.wipe() }
        do throws(FileError) { try Files.replace(directory.key(name), with: pem) } catch { throw NodeFailure(error) }
    }

    func ntor(_ name: String) throws(NodeFailure) -> Curve25519Key? {
        let path = directory.key(name)
        guard var bytes = try TaggedFile.ntor.read(path) else { return nil }
        defer { bytes.wipe() }
        guard bytes.count == 64, let key = Curve25519Key(secret: Array(bytes[..<32])), key.publicKey == Array(bytes[32...]) else {
            throw NodeFailure(.badData, "\(path): expected a curve25519 key pair")
        }
        return key
    }

    func ntorOrNew(_ name: String) throws(NodeFailure) -> Curve25519Key {
        if let key = try ntor(name) { return key }
        let key = Curve25519Key()
        try write(key, name)
        return key
    }

    func write(_ key: Curve25519Key, _ name: String) throws(NodeFailure) {
        var bytes = key.secret.copy
        defer { bytes.wipe() }
        try TaggedFile.ntor.write(directory.key(name), bytes + key.publicKey)
    }

    func ed25519(_ name: String, _ form: TaggedFile) throws(NodeFailure) -> Ed25519Key? {
        let path = directory.key(name)
        guard var bytes = try form.read(path) else { return nil }
        defer { bytes.wipe() }
        guard let key = Ed25519Key(expanded: bytes) else { throw NodeFailure(.badData, "\(path): expected an expanded Ed25519 key of 64 bytes") }
        return key
    }

    func write(_ key: Ed25519Key, _ name: String, _ form: TaggedFile) throws(NodeFailure) {
        var bytes = key.expanded.copy
        defer { bytes.wipe() }
        try form.write(directory.key(name), bytes)
    }

    func move(_ name: String, to other: String) throws(NodeFailure) {
        guard var bytes = try read(directory.key(name)) else { return }
        defer { bytes.wipe() }
        do throws(FileError) { try Files.replace(directory.key(other), with: bytes) } catch { throw NodeFailure(error) }
    }

    private func read(_ path: String) throws(NodeFailure) -> [UInt8]? {
        do throws(FileError) {
            return try Files.read(path)
        } catch {
            if error.isMissing { return nil }
            throw NodeFailure(error)
        }
    }
}
