import Ambience
import Spool
import Synchronization

/// A disk whose power fails at an operation, that forgets what was not synced, tears what was being written, and can refuse to sync.
///
/// What lost power leaves of what was not synced is decided by the toss of a coin: of every sector of 512 bytes what was there before, what was written last or in
/// between, or a part of both; now and then of a whole page nothing that anybody wrote, whatever else was in it. Files may be longer than what is in them. Files
/// made and files removed are there or not.
final class PowerCutDisk: SpoolDisk {
    enum Fault: Sendable {
        case none
        /// At the operation with this number and all later ones; it may be half done.
        case cut(Int)
        /// The sync with this number fails. Some of what it should have written is there, and the kernel takes the rest for written: later syncs of the file go well
        /// and do nothing for it, and it can be read or not as the kernel likes.
        case failedSync(Int)
        /// Likewise of the folder: which files there are.
        case failedFolderSync(Int)
        /// From the write with this number on so many fail in their midst: the disk is full.
        case full(Int, count: Int)
    }

    fileprivate struct Content {
        var cached: [UInt8] = []
        var durable: [UInt8] = []
        /// What sectors were since the last sync, in this order, and may or may not be after lost power.
        var versions: [Int: [[UInt8]]] = [:]
    }

    fileprivate struct State {
        var files: [String: Int] = [:]
        var durableFiles: [String: Int] = [:]
        /// Made or removed since the last sync of the folder.
        var changedNames: Set<String> = []
        var contents: [Content] = []
        var fault: Fault
        var operations = 0
        var syncs = 0
        var folderSyncs = 0
        var writes = 0
        var random: SeededRandom
    }

    fileprivate static let sector = 512
    fileprivate static let page = 4_096
    fileprivate let state: Mutex<State>

    init(seed: UInt64, fault: Fault = .none) { state = Mutex(State(fault: fault, random: SeededRandom(seed: seed))) }

    private init(_ state: State) { self.state = Mutex(state) }

    var operations: Int { state.withLock { $0.operations } }
    var syncs: Int { state.withLock { $0.syncs } }
    var folderSyncs: Int { state.withLock { $0.folderSyncs } }

    /// The process was killed: what it wrote is there.
    func afterKill(fault: Fault = .none) -> PowerCutDisk {
        state.withLock { old in
            var state = old
            state.fault = fault
            (state.operations, state.syncs, state.folderSyncs, state.writes) = (0, 0, 0, 0)
            return PowerCutDisk(state)
        }
    }

    /// The machine lost its power.
    func afterPowerLoss(seed: UInt64, fault: Fault = .none) -> PowerCutDisk {
        state.withLock { old in
            var state = State(fault: fault, random: SeededRandom(seed: seed))
            for name in Set(old.files.keys).union(old.durableFiles.keys).sorted() {
                let isNew = old.changedNames.contains(name) && Bool.random(using: &state.random)
                guard let survivor = isNew ? old.files[name] : old.durableFiles[name] else { continue }
                state.files[name] = state.contents.count
                var content = old.contents[survivor]
                content.losePower(&state.random)
                state.contents.append(content)
            }
            state.durableFiles = state.files
            return PowerCutDisk(state)
        }
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
            state.changedNames.insert(name)
            state.contents.append(Content())
            return state.contents.count - 1
        }
        return File(self, number)
    }

    func open(_ name: String) throws(FileError) -> any SpoolFile {
        guard let number = state.withLock({ $0.files[name] }) else { throw FileError(path: name, operation: "open", code: 2) }
        return File(self, number)
    }

    func remove(_ name: String) throws(FileError) {
        try step(name) { state, _ in
            state.files[name] = nil
            state.changedNames.insert(name)
        }
    }

    func syncFolder() throws(FileError) {
        try step("folder") { (state, isTorn) throws(FileError) in
            state.folderSyncs += 1
            var isFailing = false
            if case .failedFolderSync(let at) = state.fault { isFailing = state.folderSyncs == at }
            guard !isTorn else { return }
            for name in state.changedNames.sorted() where !isFailing || Bool.random(using: &state.random) { state.durableFiles[name] = state.files[name] }
            state.changedNames = []
            if isFailing { throw FileError(path: "folder", operation: "fsync", code: 5) }
        }
    }

    final class File: SpoolFile {
        private let disk: PowerCutDisk
        private let number: Int

        init(_ disk: PowerCutDisk, _ number: Int) { (self.disk, self.number) = (disk, number) }

        func write(_ bytes: [UInt8], at offset: Int) throws(FileError) {
            try disk.step("write") { (state, isTorn) throws(FileError) in
                state.writes += 1
                var isFull = false
                if case .full(let from, let count) = state.fault { isFull = state.writes >= from && state.writes < from + count }
                let part = isTorn || isFull ? Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &state.random))) : bytes
                state.contents[number].write(part, at: offset)
                if isFull { throw FileError(path: "write", operation: "write", code: 28) }
            }
        }

        func read(_ count: Int, at offset: Int) throws(FileError) -> [UInt8] {
            disk.state.withLock { Array($0.contents[number].cached.dropFirst(offset).prefix(count)) }
        }

        func sync() throws(FileError) {
            try disk.step("sync") { (state, isTorn) throws(FileError) in
                state.syncs += 1
                if case .failedSync(let at) = state.fault, state.syncs == at {
                    state.contents[number].failSync(&state.random)
                    throw FileError(path: "sync", operation: "fdatasync", code: Bool.random(using: &state.random) ? 5 : 28)
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
        for index in offset / PowerCutDisk.sector...(offset + bytes.count - 1) / PowerCutDisk.sector { versions[index, default: []].append(Self.sector(index, of: cached)) }
    }

    fileprivate mutating func sync() {
        for index in versions.keys { put(index, Self.sector(index, of: cached)) }
        durable = Self.lengthened(durable, cached.count)
        versions = [:]
    }

    /// What is not dirty any more is not written by later syncs.
    fileprivate mutating func failSync(_ random: inout SeededRandom) {
        let isForgotten = Bool.random(using: &random)
        for index in versions.keys.sorted() {
            if Bool.random(using: &random) { put(index, Self.sector(index, of: cached)) }
            guard isForgotten else { continue }
            let range = Self.range(index, of: cached)
            cached.replaceSubrange(range, with: Self.lengthened(durable, range.upperBound)[range])
        }
        durable = Self.lengthened(durable, cached.count)
        versions = [:]
    }

    fileprivate mutating func losePower(_ random: inout SeededRandom) {
        for index in versions.keys.sorted() { put(index, survivor(index, &random)) }
        for index in Set(versions.keys.map { $0 * PowerCutDisk.sector / PowerCutDisk.page }).sorted() where Int.random(in: 0..<8, using: &random) == 0 {
            for place in index * PowerCutDisk.page..<min((index + 1) * PowerCutDisk.page, durable.count) { durable[place] = UInt8.random(in: 0...255, using: &random) }
        }
        if Bool.random(using: &random) { durable = Self.lengthened(durable, cached.count) }
        (cached, versions) = (durable, [:])
    }

    /// What became of one that was written, nobody knows how far.
    private func survivor(_ index: Int, _ random: inout SeededRandom) -> [UInt8] {
        let all = versions[index] ?? [], range = Self.range(index, of: cached), old = Array(Self.lengthened(durable, range.upperBound)[range])
        guard let last = all.last, let other = all.randomElement(using: &random) else { return old }
        switch Int.random(in: 0..<6, using: &random) {
        case 0, 1: return old
        case 2, 3: return last
        case 4: return other
        default:
            let cut = Int.random(in: 0...old.count, using: &random), isReversed = Bool.random(using: &random)
            return isReversed ? Array(old.prefix(cut) + Self.lengthened(last, old.count).dropFirst(cut)) : Array(last.prefix(cut) + old.dropFirst(min(cut, last.count)))
        }
    }

    private mutating func put(_ index: Int, _ bytes: [UInt8]) {
        let start = index * PowerCutDisk.sector
        durable = Self.lengthened(durable, start + bytes.count)
        durable.replaceSubrange(start..<start + bytes.count, with: bytes)
    }

    private static func range(_ index: Int, of bytes: [UInt8]) -> Range<Int> { index * PowerCutDisk.sector..<min((index + 1) * PowerCutDisk.sector, bytes.count) }
    private static func sector(_ index: Int, of bytes: [UInt8]) -> [UInt8] { Array(bytes[range(index, of: bytes)]) }
    private static func lengthened(_ bytes: [UInt8], _ count: Int) -> [UInt8] { bytes.count < count ? bytes + [UInt8](repeating: 0, count: count - bytes.count) : bytes }
}
