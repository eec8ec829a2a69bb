import Ambience
import Spool
import Synchronization

/// A disk whose power fails at an operation, that forgets what was not synced, tears what was being written, and can refuse to sync.
///
/// What lost power leaves is any part of what was not synced: sectors of 512 bytes, files made and files removed, each by the toss of a coin.
final class PowerCutDisk: SpoolDisk {
    enum Fault: Sendable {
        case none
        /// At the operation with this number and all later ones; it may be half done.
        case cut(Int)
        /// The sync with this number fails, and what it should have written is lost with the power, whatever later syncs say.
        case failedSync(Int)
        /// From the write with this number on so many fail: the disk is full.
        case full(Int, count: Int)
    }

    fileprivate struct Content {
        var cached: [UInt8] = []
        var durable: [UInt8] = []
        /// Sectors that differ, and may or may not outlive lost power.
        var dirty: Set<Int> = []
    }

    fileprivate struct State {
        var files: [String: Int] = [:]
        var durableFiles: [String: Int] = [:]
        var contents: [Content] = []
        var fault: Fault
        var operations = 0
        var syncs = 0
        var writes = 0
        var random: SeededRandom
    }

    fileprivate static let sector = 512
    fileprivate let state: Mutex<State>

    init(seed: UInt64, fault: Fault = .none) { state = Mutex(State(fault: fault, random: SeededRandom(seed: seed))) }

    private init(_ state: State) { self.state = Mutex(state) }

    var operations: Int { state.withLock { $0.operations } }
    var syncs: Int { state.withLock { $0.syncs } }

    /// The process was killed: what it wrote is there.
    func afterKill(fault: Fault = .none) -> PowerCutDisk {
        state.withLock { old in
            var state = old
            (state.fault, state.operations, state.syncs, state.writes) = (fault, 0, 0, 0)
            return PowerCutDisk(state)
        }
    }

    /// The machine lost its power.
    func afterPowerLoss(seed: UInt64, fault: Fault = .none) -> PowerCutDisk {
        state.withLock { old in
            var state = State(fault: fault, random: SeededRandom(seed: seed))
            for name in Set(old.files.keys).union(old.durableFiles.keys).sorted() {
                let (now, before) = (old.files[name], old.durableFiles[name])
                guard let survivor = now == before || Bool.random(using: &state.random) ? now : before else { continue }
                state.files[name] = state.contents.count
                state.contents.append(Self.survivor(old.contents[survivor], &state.random))
            }
            state.durableFiles = state.files
            return PowerCutDisk(state)
        }
    }

    private static func survivor(_ content: Content, _ random: inout SeededRandom) -> Content {
        var bytes = content.durable
        for index in content.dirty.sorted() where Bool.random(using: &random) {
            let range = index * sector..<min((index + 1) * sector, content.cached.count)
            guard !range.isEmpty else { continue }
            if bytes.count < range.upperBound { bytes += [UInt8](repeating: 0, count: range.upperBound - bytes.count) }
            bytes.replaceSubrange(range, with: content.cached[range])
        }
        return Content(cached: bytes, durable: bytes)
    }

    private func step<R>(_ what: String, _ body: (inout State, _ isTorn: Bool) throws(FileError) -> R) throws(FileError) -> R {
        let result = state.withLock { state -> Result<R, FileError> in
            state.operations += 1
            if case .cut(let at) = state.fault, state.operations >= at {
                if state.operations == at, Bool.random(using: &state.random) { _ = try? body(&state, true) }
                return .failure(FileError(path: what, operation: "lost power", code: 5))
            }
            do throws(FileError) { return .success(try body(&state, false)) } catch { return .failure(error) }
        }
        return try result.get()
    }

    func list() throws(FileError) -> [String] { state.withLock { $0.files.keys.sorted() } }

    func create(_ name: String) throws(FileError) -> any SpoolFile {
        let number = try step(name) { state, _ in
            state.files[name] = state.contents.count
            state.contents.append(Content())
            return state.contents.count - 1
        }
        return File(self, number)
    }

    func open(_ name: String) throws(FileError) -> any SpoolFile {
        guard let number = state.withLock({ $0.files[name] }) else { throw FileError(path: name, operation: "open", code: 2) }
        return File(self, number)
    }

    func remove(_ name: String) throws(FileError) { try step(name) { state, _ in state.files[name] = nil } }
    func syncFolder() throws(FileError) { try step("folder") { state, isTorn in if !isTorn { state.durableFiles = state.files } } }

    final class File: SpoolFile {
        private let disk: PowerCutDisk
        private let number: Int

        init(_ disk: PowerCutDisk, _ number: Int) { (self.disk, self.number) = (disk, number) }

        func write(_ bytes: [UInt8], at offset: Int) throws(FileError) {
            try disk.step("write") { (state, isTorn) throws(FileError) in
                state.writes += 1
                if case .full(let from, let count) = state.fault, state.writes >= from, state.writes < from + count {
                    throw FileError(path: "write", operation: "write", code: 28)
                }
                let part = isTorn ? Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &state.random))) : bytes
                state.contents[number].write(part, at: offset)
            }
        }

        func read(_ count: Int, at offset: Int) throws(FileError) -> [UInt8] {
            disk.state.withLock { Array($0.contents[number].cached.dropFirst(offset).prefix(count)) }
        }

        func sync() throws(FileError) {
            try disk.step("sync") { (state, isTorn) throws(FileError) in
                state.syncs += 1
                if case .failedSync(let at) = state.fault, state.syncs == at {
                    state.contents[number].dirty = []
                    throw FileError(path: "sync", operation: "fdatasync", code: 5)
                }
                if !isTorn { state.contents[number].sync() }
            }
        }

        func size() throws(FileError) -> Int { disk.state.withLock { $0.contents[number].cached.count } }
    }
}

extension PowerCutDisk.Content {
    fileprivate mutating func write(_ bytes: [UInt8], at offset: Int) {
        guard !bytes.isEmpty else { return }
        if cached.count < offset + bytes.count { cached += [UInt8](repeating: 0, count: offset + bytes.count - cached.count) }
        cached.replaceSubrange(offset..<offset + bytes.count, with: bytes)
        for index in offset / PowerCutDisk.sector...(offset + bytes.count - 1) / PowerCutDisk.sector { dirty.insert(index) }
    }

    /// What a failed sync lost is not dirty any more, and stays lost.
    fileprivate mutating func sync() {
        for index in dirty {
            let range = index * PowerCutDisk.sector..<min((index + 1) * PowerCutDisk.sector, cached.count)
            if durable.count < range.upperBound { durable += [UInt8](repeating: 0, count: range.upperBound - durable.count) }
            durable.replaceSubrange(range, with: cached[range])
        }
        dirty = []
    }
}
