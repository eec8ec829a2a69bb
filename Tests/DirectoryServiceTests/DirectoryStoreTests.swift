import Ambience
import Directory
import DirectoryService
import Logging
import Sealing
import Testing

@Suite("Directory store")
struct DirectoryStoreTests {
    @Test("what was put is there after a restart")
    func restart() throws {
        try withFolder { folder in
            let first = try Testnet.store(folder: folder)
            let second = try Testnet.emptyStore(folder: folder)
            second.load(now: Testnet.now)
            #expect(second.consensus(.microdesc)?.text == first.consensus(.microdesc)?.text)
            #expect(second.consensus(.ns)?.text == first.consensus(.ns)?.text)
            #expect(second.certificates.count == 4)
            #expect(second.missingMicrodescriptors(of: try Testnet.consensus(.microdesc)).isEmpty)
            #expect(second.missingDescriptors(of: try Testnet.consensus(.ns)).isEmpty)
            #expect(second.descriptors.map(\.digest) == first.descriptors.map(\.digest))
            for descriptor in second.descriptors where descriptor.extraInfoSHA1.flatMap({ first.extraInfo($0) }) != nil {
                #expect(second.extraInfo(of: descriptor.rsa)?.rsa == descriptor.rsa)
            }
        }
    }

    @Test("the files that stock tor left are read")
    func stockFiles() throws {
        try withFolder { folder in
            for name in ["cached-certs", "cached-consensus", "cached-microdesc-consensus", "cached-microdescs.new", "cached-descriptors.new", "cached-extrainfo.new"] {
                try Files.replace("\(folder)/\(name)", with: try Testnet.bytes(name))
            }
            let store = try Testnet.emptyStore(folder: folder)
            store.load(now: Testnet.now)
            #expect(store.consensuses.count == 2)
            #expect(store.missingMicrodescriptors(of: try Testnet.consensus(.microdesc)).isEmpty)
        }
    }

    @Test("a consensus on disk that is out of date, cut short or signed by strangers is not taken")
    func badConsensus() throws {
        try withFolder { folder in
            _ = try Testnet.store(folder: folder)
            let late = try Testnet.emptyStore(folder: folder)
            late.load(now: Testnet.now + 2 * 86_400)
            #expect(late.consensuses.isEmpty)
            let stranger = DirectoryStore(folder: folder, authorities: [RSAIdentity([UInt8](repeating: 1, count: 20))!], log: Logger(label: "test"))
            stranger.load(now: Testnet.now)
            #expect(stranger.consensuses.isEmpty)
            let text = try Testnet.bytes("cached-consensus")
            for cut in stride(from: 0, to: text.count - 700, by: 397) {
                try Files.replace("\(folder)/cached-consensus", with: Array(text[..<cut]))
                let store = try Testnet.emptyStore(folder: folder)
                store.load(now: Testnet.now)
                #expect(store.consensus(.ns) == nil, "cut at \(cut)")
                #expect(store.consensus(.microdesc) != nil)
            }
        }
    }

    @Test("a journal of descriptors cut anywhere loses at most the last of them, and takes new ones")
    func tornJournal() throws {
        let text = try Testnet.bytes("cached-descriptors.new")
        let all = try Testnet.descriptors()
        try withFolder { folder in
            for cut in stride(from: 1, to: text.count, by: 4001) {
                try Files.replace("\(folder)/cached-descriptors.new", with: Array(text[..<cut]))
                let store = try Testnet.emptyStore(folder: folder)
                store.load(now: Testnet.now)
                let whole = DocumentBundle.relayDocuments(Array(text[..<cut])).count
                let present = all.prefix(whole).filter { store.descriptor($0.digest) != nil }.count
                #expect(present >= whole - 1)
                store.put([all[all.count - 1]], now: Testnet.now)
                let again = try Testnet.emptyStore(folder: folder)
                again.load(now: Testnet.now)
                #expect(again.descriptor(all[all.count - 1].digest) != nil, "cut at \(cut)")
                #expect(all.prefix(whole).filter { again.descriptor($0.digest) != nil }.count >= present)
            }
        }
    }

    @Test("the newest descriptor of a relay is the one published last, whatever the order")
    func newest() throws {
        let all = try Testnet.descriptors()
        for order in [all, all.reversed()] {
            let store = try Testnet.emptyStore()
            store.put(Array(order), now: Testnet.now)
            for descriptor in store.descriptors {
                let latest = all.filter { $0.rsa == descriptor.rsa }.map(\.published).max()
                #expect(descriptor.published == latest)
            }
        }
    }

    @Test("what nobody lists any more is dropped in time, on disk too")
    func aging() throws {
        try withFolder { folder in
            let store = try Testnet.store(folder: folder)
            store.put(try Testnet.consensus(.ns), now: Testnet.now + 3 * 86_400)
            #expect(store.missingDescriptors(of: try Testnet.consensus(.ns)).isEmpty, "listed descriptors stay")
            store.removeDescriptors { _ in true }
            #expect(store.descriptors.isEmpty)
            let again = try Testnet.emptyStore(folder: folder)
            again.load(now: Testnet.now)
            #expect(again.descriptors.isEmpty)
            #expect(again.missingMicrodescriptors(of: try Testnet.consensus(.microdesc)).isEmpty)
        }
    }

    @Test("every change is told")
    func changes() throws {
        let store = try Testnet.emptyStore()
        var told: [String] = []
        store.observe { told.append("\($0)") }
        store.put(try Testnet.certificates())
        store.put(try Testnet.certificates())
        store.put(try Testnet.microdescriptors(), now: Testnet.now)
        store.put(try Testnet.microdescriptors(), now: Testnet.now)
        store.put(try Testnet.consensus(.microdesc), now: Testnet.now)
        #expect(told.count == 3)
    }
}
