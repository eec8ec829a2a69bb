package import Ambience

/// Documents in two files, as stock tor keeps them: `name`, written whole, and `name.new`, which grows.
///
/// An added document is on disk when `add` returns. After a crash the last one may be cut short; readers parse each part and
/// drop what is none. A document may be in both files if the crash came while they were being joined.
package struct DocumentJournal {
    /// A journal shorter than this is not worth joining.
    private static let smallJournalBytes = 64 << 10

    private let path: String
    private let keyword: String
    private var wholeBytes = 0
    private var journalBytes = 0
    /// An append failed half-way, or the last part on disk is cut short: the next write must replace both files.
    private var mustRewrite = false

    package init(path: String, keyword: String) {
        self.path = path
        self.keyword = keyword
    }

    private var journalPath: String { path + ".new" }

    /// Everything in both files, oldest first.
    package mutating func load() throws(FileError) -> [DocumentSplitter.Part] {
        let whole = try Self.readIfThere(path)
        let journal = try Self.readIfThere(journalPath)
        wholeBytes = whole.count
        journalBytes = journal.count
        mustRewrite = [whole, journal].contains { !$0.isEmpty && $0.last != 10 }
        return DocumentSplitter.split(whole, at: keyword) + DocumentSplitter.split(journal, at: keyword)
    }

    /// Appends the parts and syncs. When `needsRewrite` says so afterwards, the owner calls `rewrite` with all it holds.
    package mutating func add(_ parts: [DocumentSplitter.Part]) throws(FileError) {
        let bytes = Self.encode(parts)
        guard !bytes.isEmpty else { return }
        do throws(FileError) {
            try Files.append(journalPath, bytes)
        } catch {
            mustRewrite = true
            throw error
        }
        journalBytes += bytes.count
    }

    /// Whether the journal has grown as large as the rest, or is damaged.
    package var needsRewrite: Bool { mustRewrite || journalBytes > max(wholeBytes, Self.smallJournalBytes) }

    /// Replaces both files by one that holds these parts.
    package mutating func rewrite(_ parts: [DocumentSplitter.Part]) throws(FileError) {
        let bytes = Self.encode(parts)
        try Files.replace(path, with: bytes)
        try Files.remove(journalPath)
        (wholeBytes, journalBytes, mustRewrite) = (bytes.count, 0, false)
    }

    private static func encode(_ parts: [DocumentSplitter.Part]) -> [UInt8] {
        parts.reduce(into: []) { bytes, part in
            for line in part.annotations { bytes += Array("\(line)\n".utf8) }
            bytes += part.bytes
        }
    }

    private static func readIfThere(_ path: String) throws(FileError) -> [UInt8] {
        do throws(FileError) {
            return try Files.read(path)
        } catch {
            guard error.isMissing else { throw error }
            return []
        }
    }
}
