package import Ambience
package import Sealing

/// Why nothing was done.
package enum SpoolError: Error, CustomStringConvertible {
    case disk(FileError)
    /// As much lies there, or waits, as may.
    case full

    package var description: String {
        switch self {
        case .disk(let error): "\(error)"
        case .full: "the spool is full"
        }
    }
}

/// What a spool may hold.
package struct SpoolLimits: Sendable {
    /// A segment that is longer gets no further record.
    package var segmentBytes = 64 << 20
    /// Live bytes; nothing is appended beyond.
    package var liveBytes = 8 << 30
    /// Of commits that wait for the writer.
    package var waitingBytes = 256 << 20
    package var waitingCommits = 65_536
    /// Written together with one sync, at most.
    package var batchBytes = 16 << 20
    /// Zeros written behind a record for the next ones to lie in: a sync is cheaper where the file need not grow.
    package var aheadBytes = 1 << 20

    package init() {}
}

/// The log itself, on one thread: segments in the order of their numbers, each written once, removed oldest first.
///
/// 1. Records of a batch are appended and synced once; only then are they in the index and are those told who wait. A batch begins in a page in which nothing lies
///    that a sync has made durable: whatever lost power makes of the page that is being written, it takes nothing along.
/// 2. A segment that could not be written or synced gets nothing more, for the kernel may have dropped what it should have written. Whatever the failed batch named is
///    in doubt: it is repeated in the next segment as it really is, before anything else. What is repeated counts from the next other record on, which is written once
///    all of it is synced: so half of a commit is never made good. Where a segment has such a record, nothing that lies before it is in doubt.
/// 3. A removal is worth something only while what it removes may still be read, so segments go oldest first: when nothing in one is live, or when more is dead than
///    live in all of them, after what is live in the oldest was written again. That it is void is written into it first, for lost power may bring a file back.
/// 4. At a start every segment is read as far as it can be. What is in the last one may be in the kernel's memory only, though every later sync goes well: after one
///    that failed the kernel takes it for written. So whatever is named there, or in those before it that have nothing but repeated records, is in doubt. New records
///    go to a new segment.
// SAFETY: after init it is used by one thread at a time, the one that writes; what others see is in the index, which has a lock.
package final class SpoolWriter: @unchecked Sendable {
    private let disk: any SpoolDisk
    private let key: SecretBytes
    private let limits: SpoolLimits
    let index = SpoolIndex()
    private var current: Current?

    private struct Current {
        let segment: SpoolSegment
        var end = SpoolSegment.headBytes
        /// A sync has made all durable that lies before `end`.
        var isSynced = true
        /// Up to here the file has been written, with zeros at least.
        var prepared = SpoolSegment.headBytes
        var records: UInt64 = 0
    }

    /// Whole segments and their sizes, oldest first, without the current one.
    private var closed: [(number: UInt64, bytes: Int)] = []
    private var lastNumber: UInt64 = 0
    /// On disk they may be otherwise than in the index: what one batch named, what was copied from one segment, or what a start found in the last ones.
    private var doubtful: Set<[UInt8]> = []
    /// At the start: where repeated records lie that do not count yet.
    private var repeated: [(segment: SpoolSegment, offset: Int)] = []
    /// One record is enough: ids come in the order of their places.
    private var lastRead: (segment: UInt64, offset: Int, changes: [SpoolChange])?
    /// Segments that another key wrote, and records that could not be read though later ones could.
    private(set) var foreign: [UInt64] = []
    private(set) var damagedRecords = 0
    private(set) var syncs = 0

    /// Reads what is there.
    package init(key: SecretBytes, disk: any SpoolDisk, limits: SpoolLimits = SpoolLimits()) throws(FileError) {
        (self.key, self.disk, self.limits) = (key, disk, limits)
        for number in try disk.list().compactMap(SpoolSegment.number).sorted() {
            lastNumber = number
            switch try SpoolSegment.open(number, key: key, on: disk) {
            case .segment(let segment): try recover(segment)
            case .foreign: foreign.append(number)
            case .unfinished: try disk.remove(SpoolSegment.name(number))
            // With nothing live in it, it goes before any that comes later.
            case .void(let segment): try add(segment)
            }
        }
        repeated = []
        guard !doubtful.isEmpty else { return }
        try settle()
        try? tidy()
    }

    private func add(_ segment: SpoolSegment) throws(FileError) {
        index.add(segment)
        closed.append((segment.number, try segment.file.size()))
    }

    private func recover(_ segment: SpoolSegment) throws(FileError) {
        try add(segment)
        var named: Set<[UInt8]> = [], isSettled = false
        damagedRecords += try segment.scan { (record, offset) throws(FileError) in
            named.formUnion(record.changes.map(\.id))
            guard !record.isRepeated else { return repeated.append((segment, offset)) }
            isSettled = true
            try countRepeated()
            index.apply(record.changes, segment: segment.number, offset: offset)
        }
        if isSettled { doubtful = named } else { doubtful.formUnion(named) }
    }

    private func countRepeated() throws(FileError) {
        for (segment, offset) in repeated { index.apply(try segment.record(at: offset)?.changes ?? [], segment: segment.number, offset: offset) }
        repeated = []
    }

    /// Deletes what was written with keys that are gone.
    package func removeForeign() throws(FileError) {
        for number in foreign { try disk.remove(SpoolSegment.name(number)) }
        foreign = []
        try disk.syncFolder()
    }

    /// Bytes of all segments.
    package var bytes: Int { closed.reduce(current?.end ?? 0) { $0 + $1.bytes } }

    // MARK: Writing

    /// Appends records, one for each commit, and syncs them unless they only remove and nobody waits. After an error none of them counts.
    package func write(_ commits: [[SpoolChange]], isAwaited: Bool = true) throws(FileError) {
        try settle()
        try put(commits, isSynced: isAwaited || commits.joined().contains { if case .append = $0 { true } else { false } })
        // What was written counts, whether or not there is room to tidy up.
        try? tidy()
    }

    /// Writes down how things really are with what is in doubt.
    private func settle() throws(FileError) {
        defer { lastRead = nil }
        var truth: [[SpoolChange]] = [], bytes = 0
        for id in doubtful.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            let change = try copy(id) ?? .remove(id: id)
            truth.append([change])
            bytes += change.weight
            guard bytes > limits.batchBytes else { continue }
            try put(truth, isSynced: true, isRepeated: true)
            (truth, bytes) = ([], 0)
        }
        guard !doubtful.isEmpty else { return }
        try put(truth, isSynced: true, isRepeated: true)
        try put([[]], isSynced: true)
        doubtful = []
    }

    private func copy(_ id: [UInt8]) throws(FileError) -> SpoolChange? {
        guard let (place, segment) = index.source(of: id) else { return nil }
        if lastRead?.segment != place.segment || lastRead?.offset != place.offset {
            lastRead = (place.segment, place.offset, try segment.record(at: place.offset)?.changes ?? [])
        }
        return lastRead?.changes.last { $0.id == id }
    }

    /// Only what is synced may make an older copy dead.
    private func put(_ commits: [[SpoolChange]], isSynced: Bool, isRepeated: Bool = false) throws(FileError) {
        var open = try room()
        let start = open.isSynced ? SpoolSegment.page(after: open.end) : open.end
        var places: [Int] = [], batch: [UInt8] = []
        for changes in commits {
            places.append(start + batch.count)
            batch += open.segment.seal.seal(SpoolRecord.encode(changes, isRepeated: isRepeated), number: open.records)
            open.records += 1
        }
        // The numbers are used, whatever becomes of this.
        current?.records = open.records
        (open.end, open.isSynced) = (start + batch.count, isSynced)
        if open.end > open.prepared {
            batch += [UInt8](repeating: 0, count: limits.aheadBytes)
            open.prepared = open.end + limits.aheadBytes
        }
        do throws(FileError) {
            try open.segment.file.write(batch, at: start)
            current = open
            if isSynced { try sync() }
        } catch {
            close()
            doubtful.formUnion(commits.joined().map(\.id))
            throw error
        }
        for (changes, place) in zip(commits, places) { index.apply(changes, segment: open.segment.number, offset: place) }
    }

    private func sync() throws(FileError) {
        syncs += 1
        try current?.segment.file.sync()
    }

    private func room() throws(FileError) -> Current {
        if let current {
            if current.end < limits.segmentBytes { return current }
            defer { close() }
            if !current.isSynced { try sync() }
        }
        lastNumber += 1
        let segment = try SpoolSegment.create(lastNumber, key: key, on: disk), fresh = Current(segment: segment)
        index.add(segment)
        current = fresh
        return fresh
    }

    private func close() {
        guard let current else { return }
        closed.append((current.segment.number, current.end))
        self.current = nil
    }

    // MARK: Tidying up

    private func tidy() throws(FileError) {
        while let oldest = closed.first, index.weight(of: oldest.number) == 0 { try remove(oldest.number) }
        guard let oldest = closed.first, bytes > 2 * index.liveBytes + 2 * limits.segmentBytes else { return }
        defer { lastRead = nil }
        var live: [[SpoolChange]] = []
        // What cannot be read any more though the disk gives it is lost, and would keep its segment for ever.
        for id in index.ids(in: oldest.number) { live.append([try copy(id) ?? .remove(id: id)]) }
        try put(live, isSynced: true)
        if index.weight(of: oldest.number) == 0 { try remove(oldest.number) }
    }

    /// Were a later segment gone and this one back, what was removed would be, too.
    private func remove(_ number: UInt64) throws(FileError) {
        if let segment = index.segment(number) { try discard(segment) }
        closed.removeAll { $0.number == number }
        index.drop(number)
    }

    /// A file that cannot be removed takes room until the next start.
    private func discard(_ segment: SpoolSegment) throws(FileError) {
        try segment.makeVoid()
        try? disk.remove(SpoolSegment.name(segment.number))
    }
}
