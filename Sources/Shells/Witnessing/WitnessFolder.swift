package import Ambience
internal import Bytes
internal import CLinux
package import Exchange
internal import Glibc
package import Sealing

/// Where a witness keeps its secrets and what it must not forget. One process at a time.
///
/// `key` is the seed of its Ed25519 key, `prober` the secret that its instants come from, `chains` the seeds of its chains, all readable by
/// its owner only; `state` is what it signed and gave out.
package final class WitnessFolder {
    package enum Failure: Error, CustomStringConvertible {
        case file(FileError)
        /// What lies there is not what was written.
        case damaged(String)
        case inUse(String)

        package var description: String {
            switch self {
            case .file(let error): "\(error)"
            case .damaged(let path): "\(path) is damaged; a witness that forgot what it signed must not go on: restore the file, or begin anew with another key"
            case .inUse(let path): "another witness runs in \(path); end it first, or name another folder"
            }
        }
    }

    package let path: String
    private let lock: Int32

    /// Makes the folder where it is missing.
    package init(_ path: String) throws(Failure) {
        self.path = path
        do throws(FileError) { try Files.makeFolder(path) } catch { throw .file(error) }
        lock = dc_open(path + "/lock", O_RDWR | O_CREAT, 0o600)
        guard lock >= 0 else { throw .file(FileError(path: path + "/lock", operation: "open", code: errno)) }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            close(lock)
            throw .inUse(path)
        }
    }

    deinit { close(lock) }

    // MARK: secrets

    /// Made at the first use.
    package func key() throws(Failure) -> Ed25519Key {
        var seed = try secret("key").copy
        defer { seed.wipe() }
        return Ed25519Key(seed: seed)
    }

    package func prober() throws(Failure) -> SecretBytes { try secret("prober") }

    private func secret(_ name: String) throws(Failure) -> SecretBytes {
        let file = path + "/" + name, text: String
        do throws(FileError) {
            if !Files.exists(file) {
                var seed = SecureRandom.bytes(32)
                defer { seed.wipe() }
                try Files.replace(file, with: Hex.lower(seed) + "\n")
            }
            text = try Files.readText(file)
        } catch { throw .file(error) }
        guard var bytes = Hex.decode(text.dropLast()), bytes.count == 32 else { throw .damaged(file) }
        defer { bytes.wipe() }
        return SecretBytes(bytes)
    }

    // MARK: chains

    /// The chains that there are, and a new one if the last ends within `renewal`: it begins where that one ends, or with the next slice.
    package func chains(at slice: Slice, length: Int = BeaconChain.lengthLimit, renewal: Int64 = 14 * Slice.perDay) throws(Failure) -> [(first: Slice, secret: ChainSecret)] {
        var chains = try readChains()
        let end = chains.last.map { $0.first + Int64($0.secret.length) }
        if let end, end - renewal > slice { return chains }
        let first = max(end ?? slice + 1, slice + 1), seed = SecretBytes.random(32)
        do throws(FileError) {
            var bytes = seed.copy
            defer { bytes.wipe() }
            try Files.append(path + "/chains", Array("\(first.index) \(length) \(Hex.lower(bytes))\n".utf8))
        } catch { throw .file(error) }
        chains.append((first, ChainSecret(seed: seed, length: length)!))
        return chains
    }

    private func readChains() throws(Failure) -> [(first: Slice, secret: ChainSecret)] {
        let file = path + "/chains"
        guard Files.exists(file) else { return [] }
        let text: String
        do throws(FileError) { text = try Files.readText(file) } catch { throw .file(error) }
        // The last line is half written if it was killed meanwhile: nobody has been told of it.
        return try text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map { line throws(Failure) in
            let words = line.split(separator: " ", omittingEmptySubsequences: false)
            guard words.count == 3, let first = Int64(words[0]), let length = Int(words[1]), var seed = Hex.decode(words[2]) else { throw .damaged(file) }
            defer { seed.wipe() }
            guard let secret = ChainSecret(seed: SecretBytes(seed), length: length) else { throw .damaged(file) }
            return (Slice(first), secret)
        }
    }

    // MARK: state

    package func state() throws(Failure) -> WitnessDesk.State {
        let file = path + "/state"
        guard Files.exists(file) else { return .init() }
        let bytes: [UInt8]
        do throws(FileError) { bytes = try Files.read(file) } catch { throw .file(error) }
        guard let state = WitnessDesk.State(bytes) else { throw .damaged(file) }
        return state
    }

    /// Durable when this returns.
    package func keep(_ state: WitnessDesk.State) throws(FileError) { try Files.replace(path + "/state", with: state.bytes) }
}
