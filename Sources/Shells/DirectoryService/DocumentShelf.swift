internal import Ambience

/// A kind of document that is kept by digest.
protocol ShelvedDocument {
    associatedtype Digest: Hashable
    /// What its text begins with.
    static var keyword: String { get }
    /// The annotation that tells in a file when the document was last of use.
    static var dateAnnotation: String { get }
    init?(stored bytes: [UInt8])
    var digestName: Digest { get }
    var storedText: [UInt8] { get }
}

/// Documents of one kind, in memory and (when there is a folder) in a journal on disk.
struct DocumentShelf<Document: ShelvedDocument> {
    struct Entry {
        let document: Document
        /// When it was last listed, or when it came.
        var date: WallTime
    }

    private(set) var entries: [Document.Digest: Entry] = [:]
    private var journal: DocumentJournal?
    /// At the bound the documents that were of use longest ago are dropped.
    private let limit: Int

    init(path: String?, limit: Int) {
        journal = path.map { DocumentJournal(path: $0, keyword: Document.keyword) }
        self.limit = limit
    }

    subscript(digest: Document.Digest) -> Document? { entries[digest]?.document }
    var documents: [Document] { entries.values.map(\.document) }

    /// Reads what an earlier process left; parts that are no documents are dropped.
    mutating func load(now: WallTime) throws(FileError) {
        for part in try journal?.load() ?? [] {
            guard let document = Document(stored: part.bytes) else { continue }
            let date = part.annotation(Document.dateAnnotation).flatMap { WallTime($0) } ?? now
            entries[document.digestName] = Entry(document: document, date: min(date, now))
        }
        try tidy()
    }

    /// Adds what is new; on disk when this returns. Returns what was new.
    @discardableResult
    mutating func add(_ documents: [Document], now: WallTime) throws(FileError) -> [Document] {
        var new: [Document] = []
        for document in documents where entries[document.digestName] == nil {
            entries[document.digestName] = Entry(document: document, date: now)
            new.append(document)
        }
        try journal?.add(new.map { Self.part($0, now) })
        try tidy()
        return new
    }

    /// Notes that these are of use now. Only the next rewrite carries it to disk.
    mutating func touch(_ digests: some Sequence<Document.Digest>, now: WallTime) {
        for digest in digests { entries[digest]?.date = now }
    }

    /// Drops what does not pass; the files are replaced when something did not.
    mutating func keep(where isWanted: (Entry) -> Bool) throws(FileError) {
        let kept = entries.filter { isWanted($0.value) }
        guard kept.count < entries.count else { return }
        entries = kept
        try rewrite()
    }

    private mutating func tidy() throws(FileError) {
        if entries.count > limit {
            // Dropping a tenth at a time keeps the cost per added document small.
            let oldest = entries.sorted { $0.value.date < $1.value.date }.prefix(entries.count - limit * 9 / 10)
            for (digest, _) in oldest { entries[digest] = nil }
            try rewrite()
        } else if journal?.needsRewrite == true {
            try rewrite()
        }
    }

    private mutating func rewrite() throws(FileError) {
        try journal?.rewrite(entries.values.sorted { $0.date < $1.date }.map { Self.part($0.document, $0.date) })
    }

    private static func part(_ document: Document, _ date: WallTime) -> DocumentSplitter.Part {
        DocumentSplitter.Part(annotations: ["@\(Document.dateAnnotation) \(date)"], bytes: document.storedText)
    }
}
