import Ambience
import Bytes
import Directory
import DirectoryService
import Loops
import Relaying
import Sealing
import Testing

@Suite("Fetching packed documents and diffs")
struct DiffFetchTests {
    private let loop = EventLoop()
    private let client: OnionRouter

    init() { client = OnionRouter(loop: loop, tls: TLSContext()) }

    /// Holds the earlier consensus, which nobody signed, and whatever else is needed.
    private func holder() throws -> DirectoryStore {
        let store = try Testnet.emptyStore()
        store.put(try Testnet.certificates())
        store.put(try Testnet.earlierConsensus(.microdesc), now: Testnet.now)
        return store
    }

    private func fetcher(_ store: DirectoryStore, _ source: DirectorySource, worker: BackgroundWorker? = nil) -> DirectoryFetcher {
        var settings = DirectoryFetcher.Settings.client(isTesting: true)
        // The one that is held is fresh by its times.
        settings.plan.firstRetry = .milliseconds(10)
        return DirectoryFetcher(loop: loop, router: client, store: store, authorities: [source], settings: settings, worker: worker, time: LaterTime())
    }

    /// Behind fresh-until, so that the next consensus is due.
    private final class LaterTime: TimeSource {
        private let clock = SystemTime()
        var now: Instant { clock.now }
        var wall: WallTime { Testnet.now + 30 }
    }

    private func hasNewest(_ store: DirectoryStore) throws -> () -> Bool {
        let newest = try Testnet.consensus(.microdesc)
        return { store.consensus(.microdesc) == newest }
    }

    @Test("the next consensus is fetched as a diff, packed, with and without a worker", arguments: [true, false])
    func diff(hasWorker: Bool) throws {
        let served = try Testnet.store()
        let cache = try LoopbackDirectory(loop: loop, store: try holder())
        cache.store.put(try Testnet.consensus(.microdesc), now: Testnet.now)
        cache.store.put(served.sortedCertificates)
        let store = try holder()
        let fetcher = fetcher(store, cache.source, worker: hasWorker ? BackgroundWorker(loop: loop) : nil)
        fetcher.start()
        #expect(loop.wait(until: try hasNewest(store)))
        #expect((fetcher.diffCount, fetcher.wholeCount) == (1, 0))
        #expect(cache.server.statistics.diffs == 1)
        #expect(cache.server.statistics.bytesSent < cache.server.statistics.bytesPlain)
        fetcher.stop()
    }

    @Test("after a diff that is no use the whole document is fetched")
    func fallBack() throws {
        let cache = try LoopbackDirectory(loop: loop, store: try Testnet.store())
        let (old, new) = (try Testnet.earlierConsensus(.microdesc), try Testnet.consensus(.microdesc))
        var lies = 0
        let lie = HTTPResponse.ok("network-status-diff-version 1\nhash \(Hex.upper(old.signedDigest)) \(String(repeating: "00", count: 32))\n2d\n").encoded
        cache.router.onDirectoryStream = { stream in
            var parser = HTTPRequestParser(limits: .relayRequest)
            stream.onEvent = { event in
                guard case .data(let bytes) = event, let request = try? parser.receive(bytes) else { return }
                let isDiff = request.headers["X-Or-Diff-From-Consensus"] == Hex.upper(old.signedDigest)
                lies += isDiff ? 1 : 0
                stream.send(isDiff ? lie : request.path.contains("consensus") ? HTTPResponse.ok(new.text).encoded : HTTPResponse.notFound().encoded)
                stream.finish()
            }
        }
        let store = try holder()
        let fetcher = fetcher(store, cache.source)
        fetcher.start()
        #expect(loop.wait(until: try hasNewest(store)))
        #expect(lies == 1)
        #expect((fetcher.diffCount, fetcher.wholeCount) == (0, 1))
        fetcher.stop()
    }

    @Test("packed rubbish, a bomb and an unknown coding are refused, and the source is asked again later")
    func rubbish() throws {
        let cache = try LoopbackDirectory(loop: loop, store: try Testnet.store())
        let new = try Testnet.consensus(.microdesc)
        var answers = ["x-zstd", "deflate", "x-unknown", "gzip"]
        cache.router.onDirectoryStream = { stream in
            stream.onEvent = { event in
                guard case .data = event else { return }
                var response = HTTPResponse.ok(answers.isEmpty ? new.text : [UInt8](repeating: 0x28, count: 100))
                if let coding = answers.popLast() { response.headers.add("Content-Encoding", coding) }
                stream.send(response.encoded)
                stream.finish()
            }
        }
        let store = try holder()
        let fetcher = fetcher(store, cache.source)
        fetcher.start()
        #expect(loop.wait(until: try hasNewest(store)))
        #expect(answers.isEmpty)
        fetcher.stop()
    }

    @Test("a cache that keeps extra-infos fetches those that the listed descriptors name")
    func extraInfos() throws {
        let cache = try LoopbackDirectory(loop: loop, store: try Testnet.store())
        let store = try Testnet.emptyStore()
        var settings = DirectoryFetcher.Settings.cache(isTesting: true)
        settings.wantsExtraInfo = true
        let fetcher = DirectoryFetcher(loop: loop, router: client, store: store, authorities: [cache.source], settings: settings, time: TestnetTime())
        fetcher.start()
        #expect(loop.wait { store.consensus(.ns).map { store.missingDescriptors(of: $0).isEmpty && store.missingExtraInfos(of: $0).isEmpty } ?? false })
        let one = try #require(store.descriptors.first)
        #expect(store.extraInfo(of: one.rsa) != nil)
        fetcher.stop()
    }
}
