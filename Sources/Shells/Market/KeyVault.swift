internal import Ambience
internal import Bytes
internal import CLinux
internal import Exchange
internal import Glibc
internal import Loops
internal import Sealing
internal import Synchronization

/// RSA keys on disk: one file a day, a record for each key, its private half sealed. A key is durable before anything is signed with it,
/// and brought into memory when it is needed.
final class KeyVault: Sendable {
    /// Private keys in memory: those of the slice at hand and of yesterday's stragglers.
    static let cacheLimit = 64

    struct Record: Sendable {
        let role: KeyRole
        let publicKey: [UInt8]
        fileprivate let sealed: [UInt8]
    }

    private let folder: String
    private let storage: Curve25519Key

    init(folder: String, storage: Curve25519Key) { (self.folder, self.storage) = (folder, storage) }

    private static let prefix = "day-"

    private func path(_ day: Int64) -> String { "\(folder)/\(Self.prefix)\(day)" }

    /// Whose keys a file of that name has.
    static func day(_ name: String) -> Int64? { name.hasPrefix(prefix) ? Int64(name.dropFirst(prefix.count)) : nil }

    /// What was made for a day. A record that was being written when somebody pulled the plug is dropped; nobody knows that key.
    func records(of day: Int64, among roles: [KeyRole]) throws -> [Record] {
        guard Files.exists(path(day)) else { return [] }
        let named = Dictionary(uniqueKeysWithValues: roles.map { ($0.bytes, $0) }), bytes = try Files.read(path(day))
        var reader = ByteReader(bytes), records: [Record] = [], whole = 0
        while let (name, publicKey, sealed) = try? Self.read(&reader) {
            whole = bytes.count - reader.remaining
            if let role = named[name] { records.append(Record(role: role, publicKey: publicKey, sealed: sealed)) }
        }
        if whole < bytes.count { try Files.replace(path(day), with: Array(bytes[..<whole])) }
        return records
    }

    private static func read(_ reader: inout ByteReader) throws(ByteError) -> ([UInt8], [UInt8], [UInt8]) {
        let name = try reader.bytes(Int(try reader.u8())), publicKey = try reader.bytes(Int(try reader.u16()))
        return (name, publicKey, try reader.bytes(Int(try reader.u16())))
    }

    /// Makes a key and keeps it; takes a tenth of a second or more.
    func make(_ role: KeyRole, day: Int64) throws -> Record {
        let key = RSAKey.generate(bits: 2048), publicKey = TokenPublicKey.encode(key.publicKey)
        var pem = key.pem
        defer { pem.wipe() }
        let sealed = SealedBox.seal(pem, to: storage.publicKey)!
        var writer = ByteWriter(capacity: 4096)
        writer.u8(UInt8(role.bytes.count))
        writer.append(role.bytes)
        writer.u16(UInt16(publicKey.count))
        writer.append(publicKey)
        writer.u16(UInt16(sealed.count))
        writer.append(sealed)
        try Files.append(path(day), writer.bytes)
        return Record(role: role, publicKey: publicKey, sealed: sealed)
    }

    /// The private key; `nil` for a record that another exchange sealed.
    func open(_ record: Record) -> RSAKey? {
        guard var pem = SealedBox.open(record.sealed, with: storage) else { return nil }
        defer { pem.wipe() }
        return RSAKey(pem: pem)
    }
}

/// Private keys that were needed lately.
final class KeyCache {
    private var keys: [KeyRole: RSAKey] = [:]
    private var order: [KeyRole] = []

    func key(_ role: KeyRole, _ load: () -> RSAKey?) -> RSAKey? {
        if let key = keys[role] { return key }
        guard let key = load() else { return nil }
        if order.count >= KeyVault.cacheLimit { keys[order.removeFirst()] = nil }
        keys[role] = key
        order.append(role)
        return key
    }
}

/// Makes RSA keys ahead on a thread of its own. Once it has made those without which nothing can begin, it gives way to everything else.
final class KeyMaker: Sendable {
    private struct State {
        var wanted: [(day: Int64, role: KeyRole)] = []
        var made: [(day: Int64, record: KeyVault.Record)] = []
        var trouble: String?
        var isStopped = false
    }

    private static let niceness: Int32 = 10
    private static let napMicroseconds: UInt32 = 50_000

    private let state = Mutex(State())
    private let vault: KeyVault

    init(_ vault: KeyVault) { self.vault = vault }

    func start() -> WorkThread {
        WorkThread("keys") { [self] in
            var made = 0
            while !state.withLock({ $0.isStopped }) {
                guard !makeOne() else { made += 1; continue }
                if made > 0 { _ = dc_be_nice(Self.niceness) }
                usleep(Self.napMicroseconds)
            }
        }
    }

    func stop() { state.withLock { $0.isStopped = true } }

    /// In that order, after what was wanted before.
    func want(_ roles: [KeyRole], day: Int64) { state.withLock { state in state.wanted += roles.map { (day, $0) } } }

    /// What was made since the last look, and why nothing is if it is not.
    func take() -> (made: [(day: Int64, record: KeyVault.Record)], trouble: String?) {
        state.withLock { state in
            defer { state.made = [] }
            return (state.made, state.trouble)
        }
    }

    var waiting: Int { state.withLock { $0.wanted.count } }

    private func makeOne() -> Bool {
        guard let (day, role) = state.withLock({ $0.wanted.first }) else { return false }
        do {
            let record = try vault.make(role, day: day)
            state.withLock { state in
                state.wanted.removeFirst()
                state.made.append((day, record))
                state.trouble = nil
            }
            return true
        } catch {
            state.withLock { $0.trouble = "keys cannot be kept: \(error)" }
            return false
        }
    }
}
