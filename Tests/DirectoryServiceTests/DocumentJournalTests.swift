import Ambience
import DirectoryService
import Testing

@Suite("Document journal")
struct DocumentJournalTests {
    private static let texts = ["onion-key\nntor-onion-key A\n", "onion-key\nid ed25519 B\np accept 80\n", "onion-key\n"]

    private static func parts(_ texts: [String]) -> [DocumentSplitter.Part] {
        texts.map { DocumentSplitter.Part(annotations: ["@last-listed 2026-11-21 07:00:00"], bytes: Array($0.utf8)) }
    }

    @Test("documents are cut at their first keyword, with their annotations")
    func split() {
        let text = "junk\n@a 1\n@b\nrouter x\n@c 2\nrouter-signature\nrouter\ty\nend\n"
        let parts = DocumentSplitter.split(Array(text.utf8), at: "router")
        #expect(parts.map { String(decoding: $0.bytes, as: UTF8.self) } == ["router x\n", "router\ty\nend\n"])
        #expect(parts.first?.annotations == ["@a 1", "@b"])
        #expect(parts.first?.annotation("a") == "1")
        #expect(DocumentSplitter.split([], at: "router").isEmpty)
        #expect(DocumentSplitter.split(Array("router".utf8), at: "router").isEmpty)
    }

    @Test("what was added is there after a restart, before and after the files are joined")
    func restart() throws {
        try withFolder { folder in
            var journal = DocumentJournal(path: folder + "/cached-microdescs", keyword: "onion-key")
            #expect(try journal.load().isEmpty)
            try journal.add(Self.parts(Array(Self.texts.prefix(2))))
            try journal.add(Self.parts(Array(Self.texts.suffix(1))))
            var second = DocumentJournal(path: folder + "/cached-microdescs", keyword: "onion-key")
            let loaded = try second.load()
            #expect(loaded == Self.parts(Self.texts))
            try second.rewrite(loaded)
            #expect(!Files.exists(folder + "/cached-microdescs.new"))
            #expect(try second.load() == Self.parts(Self.texts))
        }
    }

    @Test("a journal cut anywhere keeps every document before the cut, and asks to be rewritten")
    func torn() throws {
        try withFolder { folder in
            let path = folder + "/cached-microdescs"
            var journal = DocumentJournal(path: path, keyword: "onion-key")
            try journal.add(Self.parts(Self.texts))
            let whole = try Files.read(path + ".new")
            for cut in stride(from: 0, through: whole.count, by: 5) {
                try Files.replace(path + ".new", with: Array(whole[..<cut]))
                var again = DocumentJournal(path: path, keyword: "onion-key")
                let loaded = try again.load()
                let intact = DocumentSplitter.split(whole, at: "onion-key").prefix(max(0, loaded.count - 1))
                #expect(Array(loaded.dropLast()) == Array(intact))
                #expect(again.needsRewrite == (cut > 0 && whole[cut - 1] != 10))
            }
        }
    }

    @Test("a growing journal asks to be joined, and stays bounded by what is kept")
    func growth() throws {
        try withFolder { folder in
            var journal = DocumentJournal(path: folder + "/cached-microdescs", keyword: "onion-key")
            let large = Self.parts(["onion-key\n" + String(repeating: "p accept 80\n", count: 1000)])
            for _ in 0..<40 {
                try journal.add(large)
                if journal.needsRewrite { try journal.rewrite(large) }
            }
            #expect(try journal.load().count <= 8)
        }
    }
}

/// A folder of its own under /tmp, gone afterwards.
func withFolder(_ body: (String) throws -> Void) throws {
    let folder = "/tmp/dust-directory-\(UInt64.random(in: 0 ... .max))"
    try Files.makeFolder(folder)
    defer {
        for name in (try? Files.list(folder)) ?? [] { try? Files.remove(folder + "/" + name) }
        removeFolder(folder)
    }
    try body(folder)
}
