import Ambience
import Directory
import DirectoryService
import Logging
import Loops
import Relaying
import Sealing
import Testing

@Suite("Directory service over links")
struct DirectoryOverLinksTests {
    private let loop = EventLoop()
    private let client: OnionRouter

    init() { client = OnionRouter(loop: loop, tls: TLSContext()) }

    private func fetcher(_ store: DirectoryStore, _ sources: [DirectorySource], _ settings: DirectoryFetcher.Settings) -> DirectoryFetcher {
        DirectoryFetcher(loop: loop, router: client, store: store, authorities: sources, settings: settings, time: TestnetTime())
    }

    /// A relay that nobody can be.
    private var nobody: DirectorySource {
        DirectorySource(nickname: "nobody", rsa: RSAIdentity([UInt8](repeating: 9, count: 20))!, addresses: [SocketAddress("127.0.0.1:1")!])
    }

    @Test("a client bootstraps: consensus, certificates, microdescriptors, each phase told once and in order")
    func bootstrap() throws {
        let cache = try LoopbackDirectory(loop: loop, store: try Testnet.store())
        let store = try Testnet.emptyStore()
        let fetcher = fetcher(store, [cache.source], .client(isTesting: true))
        var phases: [BootstrapPhase] = []
        fetcher.onProgress = { phases.append($0) }
        fetcher.start()
        #expect(loop.wait { store.consensus(.microdesc).map { store.missingMicrodescriptors(of: $0).isEmpty } ?? false })
        #expect(phases.map(\.tag) == ["conn", "requesting_status", "loading_status", "loading_keys", "requesting_descriptors", "loading_descriptors"])
        #expect(store.consensus(.ns) == nil)
        fetcher.stop()
        #expect(loop.wait { cache.port.sessionCount == 0 })
    }

    @Test("a cache fetches both flavours and descriptors, and turns from a dead source to a living one")
    func caching() throws {
        let upstream = try LoopbackDirectory(loop: loop, store: try Testnet.store())
        let store = try Testnet.emptyStore()
        let fetcher = fetcher(store, [nobody, upstream.source], .cache(isTesting: true))
        fetcher.start()
        #expect(
            loop.wait {
                guard let plain = store.consensus(.ns), let micro = store.consensus(.microdesc) else { return false }
                return store.missingDescriptors(of: plain).isEmpty && store.missingMicrodescriptors(of: micro).isEmpty
            })
        fetcher.stop()
    }

    @Test("a consensus that no believed authority signed is never stored")
    func strangers() throws {
        let cache = try LoopbackDirectory(loop: loop, store: try Testnet.store())
        let store = DirectoryStore(folder: nil, authorities: [RSAIdentity([UInt8](repeating: 1, count: 20))!], log: Logger(label: "test"))
        // The path names the believed authorities, so that an honest cache refuses; this one answers all the same.
        let lie = HTTPResponse.ok(try Testnet.consensus(.microdesc).text).encoded
        var lies = 0
        cache.router.onDirectoryStream = { stream in
            stream.onEvent = { event in
                guard case .data = event else { return }
                lies += 1
                stream.send(lie)
                stream.finish()
            }
        }
        let fetcher = fetcher(store, [cache.source], .client(isTesting: true))
        fetcher.start()
        #expect(loop.wait { lies == 3 }, "it is asked again, after waits")
        #expect(store.consensuses.isEmpty)
        fetcher.stop()
    }

    @Test("a descriptor is uploaded and the answer is reported")
    func upload() throws {
        let authority = try LoopbackDirectory(loop: loop, store: try Testnet.emptyStore())
        var bodies: [Int] = []
        authority.server.onPost = { request, peer in
            bodies.append(request.body.count)
            #expect(peer.isTunnelled)
            return bodies.count == 1 ? .ok("") : .badRequest("no thanks")
        }
        let tunnels = DirectoryTunnels(router: client)
        var answers: [UploadAnswer] = []
        let body = [UInt8](repeating: 65, count: 60_000)
        tunnels.upload(body, to: authority.source) { answers.append($0) }
        #expect(loop.wait { answers.count == 1 })
        tunnels.upload(body, to: authority.source) { answers.append($0) }
        tunnels.upload(body, to: nobody) { answers.append($0) }
        #expect(loop.wait { answers.count == 3 })
        #expect(bodies == [60_000, 60_000])
        #expect(answers[0] == .accepted("OK"))
        #expect(answers.contains(.refused(status: 400, "no thanks")))
        #expect(answers.contains(.unreachable))
    }

    @Test("a stream knows where it comes from, so that clients can be told their address")
    func peerAddress() throws {
        let cache = try LoopbackDirectory(loop: loop, store: try Testnet.store())
        var address: IPAddress?
        cache.router.onDirectoryStream = { [port = cache.port] stream in
            address = stream.peerAddress
            port.serve(stream)
        }
        var isAnswered = false
        DirectoryTunnels(router: client).exchange(HTTPRequest(.get, "/tor/keys/all"), with: cache.source) { _ in isAnswered = true }
        #expect(loop.wait { isAnswered })
        #expect(address == IPAddress("127.0.0.1"))
    }

    @Test("another role of the node takes what is posted below its path, as much as it wants and answered when it wants, and nothing from a DirPort")
    func offices() throws {
        let mote = try LoopbackDirectory(loop: loop, store: try Testnet.emptyStore())
        mote.server.offices = [
            DirectoryOffice(path: "/tor/dust/test/", bodyLimitBytes: 100_000) { [loop] rest, body, _, done in
                loop.after(.milliseconds(20)) { done(rest == "busy" ? .busy : rest == "" ? .unknown : .bytes(Array(rest.utf8) + body.suffix(1))) }
            }
        ]
        let tunnels = DirectoryTunnels(router: client), end = HopTarget(rsa: mote.source.rsa, ed25519: nil, addresses: mote.source.addresses, ntorKey: nil)
        var (answers, paths) = ([String: Result<HTTPResponse, DirectoryTunnels.Failure>](), 0)
        for (path, bytes) in [("give", 100_000), ("busy", 1), ("", 1), ("more", 100_001)] {
            tunnels.exchange(HTTPRequest(.post, "/tor/dust/test/\(path)", body: [UInt8](repeating: 66, count: bytes)), at: end.rsa) {
                paths += 1
                return [end]
            } _: { answers[path] = $0 }
        }
        #expect(loop.wait { answers.count == 4 })
        #expect(try answers["give"]?.get().body == Array("giveB".utf8))
        #expect(answers.mapValues { try? $0.get().status } == ["give": 200, "busy": 503, "": 404, "more": 400])
        #expect(paths == 1 && client.circuitCount == 1, "all over one circuit")
        var unreachable = false
        tunnels.exchange(HTTPRequest(.post, "/"), at: nobody.rsa, by: { nil }) { unreachable = $0 == .failure(.unreachable) }
        #expect(loop.wait { unreachable })
        var plain: HTTPResponse?
        mote.server.respond(to: HTTPRequest(.post, "/tor/dust/test/give"), from: .init(address: nil, isTunnelled: false), now: Testnet.now) { plain = $0 }
        #expect(plain?.status == 404)
    }

    @Test("a circuit that is not fit any more takes nothing new, and ends with what it has")
    func unfit() throws {
        let mote = try LoopbackDirectory(loop: loop, store: try Testnet.emptyStore())
        var waiting: [(DirectoryOffice.Answer) -> Void] = []
        mote.server.offices = [DirectoryOffice(path: "/tor/dust/test/", bodyLimitBytes: 100) { _, _, _, done in waiting.append(done) }]
        var settings = DirectoryTunnels.Settings()
        settings.idleTimeout = .milliseconds(50)
        let tunnels = DirectoryTunnels(router: client, settings: settings), end = HopTarget(rsa: mote.source.rsa, ed25519: nil, addresses: mote.source.addresses, ntorKey: nil)
        var (answers, paths, asked) = (0, 0, 0)
        func post(isFit: Bool) {
            tunnels.exchange(HTTPRequest(.post, "/tor/dust/test/x"), at: end.rsa) {
                paths += 1
                return [end]
            } isFit: { path in
                asked += 1
                return isFit && path.map(\.rsa) == [end.rsa]
            } _: { answers += (try? $0.get().status) == 200 ? 1 : 0 }
        }
        post(isFit: false)
        post(isFit: true)
        #expect(paths == 1 && asked == 1)
        post(isFit: false)
        #expect(paths == 2 && asked == 2)
        #expect(loop.wait { waiting.count == 3 } && client.circuitCount == 2)
        for done in waiting { done(.bytes([])) }
        #expect(loop.wait { answers == 3 && client.circuitCount == 0 })
    }

    @Test("requests that are not answered yet share one bound of memory: what is beyond is told to come again, and may when others are answered")
    func memory() throws {
        let mote = try LoopbackDirectory(loop: loop, store: try Testnet.emptyStore())
        mote.server.memoryBytes = 250_000
        var waiting: [(DirectoryOffice.Answer) -> Void] = []
        mote.server.offices = [DirectoryOffice(path: "/tor/dust/test/", bodyLimitBytes: 100_000) { _, _, _, done in waiting.append(done) }]
        let tunnels = DirectoryTunnels(router: client), end = HopTarget(rsa: mote.source.rsa, ed25519: nil, addresses: mote.source.addresses, ntorKey: nil)
        var answers: [Int] = []
        func post() {
            tunnels.exchange(HTTPRequest(.post, "/tor/dust/test/x", body: [UInt8](repeating: 66, count: 100_000)), at: end.rsa, by: { [end] }) { answers.append((try? $0.get().status) ?? 0) }
        }
        for _ in 0..<5 { post() }
        #expect(loop.wait { answers.count == 3 && waiting.count == 2 })
        #expect(answers == [503, 503, 503])
        for done in waiting { done(.bytes([])) }
        #expect(loop.wait { answers.count == 5 })
        waiting = []
        post()
        #expect(loop.wait { waiting.count == 1 })
        waiting[0](.bytes([]))
        #expect(loop.wait { answers == [503, 503, 503, 200, 200, 200] })
        // Whoever goes away has nobody forget what he sent: it is in memory until it is dealt with.
        (waiting, answers) = ([], [])
        for _ in 0..<2 { post() }
        #expect(loop.wait { waiting.count == 2 })
        tunnels.closeAll()
        #expect(loop.wait { answers == [0, 0] })
        post()
        #expect(loop.wait { answers == [0, 0, 503] })
        for done in waiting { done(.bytes([])) }
        waiting = []
        post()
        #expect(loop.wait { waiting.count == 1 })
    }

    @Test("who sends a request slowly has his time; then he goes when others find no room, the one first that has sent for longest")
    func slowSenders() throws {
        var settings = DirectoryPort.Settings()
        (settings.sureTime, settings.sessionLimit) = (.milliseconds(500), 4)
        let mote = try LoopbackDirectory(loop: loop, store: try Testnet.emptyStore(), settings: settings)
        mote.server.memoryBytes = 250_000
        mote.server.offices = [DirectoryOffice(path: "/tor/dust/test/", bodyLimitBytes: 200_000) { _, body, _, done in done(.bytes([UInt8(body.count / 1_000)])) }]
        let post = HTTPRequest(.post, "/tor/dust/test/x", body: [UInt8](repeating: 66, count: 100_000)).encoded
        var answers: [Int: String] = [:], closed: [Int] = []
        func dial(_ number: Int, bytes: Int) {
            TCPConnection.dial(loop: loop, mote.dirPort, timeout: .seconds(60)) { connection in
                connection?.onData = { answers[number, default: ""] += String(decoding: $0, as: UTF8.self) }
                connection?.onClose = { closed.append(number) }
                connection?.send(Array(post.prefix(bytes)))
            }
        }
        for number in 0..<2 {
            dial(number, bytes: 99_000)
            #expect(loop.wait { mote.server.statistics.trafficRead >= UInt64(99_000 * (number + 1)) })
        }
        dial(2, bytes: .max)
        #expect(loop.wait { answers[2]?.contains("503") ?? false } && closed.allSatisfy { $0 == 2 })
        let later = loop.now + settings.sureTime
        #expect(loop.wait { loop.now > later })
        // Read: that offices are for circuits alone is another matter.
        dial(3, bytes: .max)
        #expect(loop.wait { answers[3]?.contains(" 404 ") ?? false } && closed.contains(0) && !closed.contains(1))
        // Nor when there are too many.
        for number in 4..<7 { dial(number, bytes: 10) }
        #expect(loop.wait { mote.port.sessionCount == 4 })
        dial(7, bytes: .max)
        #expect(loop.wait { answers[7]?.contains(" 404 ") ?? false } && closed.contains(1))
    }

    @Test("many exchanges share one circuit")
    func sharing() throws {
        let cache = try LoopbackDirectory(loop: loop, store: try Testnet.store())
        let tunnels = DirectoryTunnels(router: client)
        var bodies: [Int] = []
        for _ in 0..<20 {
            tunnels.exchange(HTTPRequest(.get, "/tor/server/all"), with: cache.source) { if case .success(let response) = $0 { bodies.append(response.body.count) } }
        }
        #expect(loop.wait { bodies.count == 20 })
        #expect(Set(bodies).count == 1)
        #expect(client.circuitCount == 1)
        tunnels.closeAll()
        #expect(loop.wait { client.circuitCount == 0 })
    }

    @Test("megabytes go both ways through the windows of stream and circuit")
    func large() throws {
        let authority = try LoopbackDirectory(loop: loop, store: try Testnet.emptyStore())
        authority.server.requestLimits = .authorityRequest
        authority.server.onPost = { request, _ in .ok(request.body) }
        let tunnels = DirectoryTunnels(router: client)
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededRandom(seed: seed)
        let vote = (0..<3_000_000).map { _ in UInt8.random(in: 0...255, using: &random) }
        var result: Result<HTTPResponse, DirectoryTunnels.Failure>?
        tunnels.exchange(HTTPRequest(.post, "/tor/post/vote", body: vote), with: authority.source) { result = $0 }
        #expect(loop.wait { result != nil }, "seed \(seed)")
        #expect(try result?.get().body == vote, "seed \(seed)")
    }

    @Test("a source that goes silent is given up")
    func silence() throws {
        let cache = try LoopbackDirectory(loop: loop, store: try Testnet.store())
        cache.router.onDirectoryStream = { _ in }
        var settings = DirectoryTunnels.Settings()
        settings.stallTimeout = .milliseconds(300)
        let tunnels = DirectoryTunnels(router: client, settings: settings)
        var result: Result<HTTPResponse, DirectoryTunnels.Failure>?
        tunnels.exchange(HTTPRequest(.get, "/"), with: cache.source) { result = $0 }
        #expect(loop.wait { result != nil })
        #expect(result == .failure(.stalled))
    }

    @Test("the DirPort answers a request that comes byte by byte, and closes")
    func dirPort() throws {
        let cache = try LoopbackDirectory(loop: loop, store: try Testnet.store())
        var answer: [UInt8] = []
        var isClosed = false
        TCPConnection.dial(loop: loop, cache.dirPort, timeout: .seconds(60)) { connection in
            guard let connection else { return }
            connection.onData = { answer += $0 }
            connection.onClose = { isClosed = true }
            for byte in HTTPRequest(.get, "/tor/keys/all").encoded { connection.send([byte]) }
        }
        #expect(loop.wait { isClosed })
        var parser = HTTPResponseParser()
        #expect(try parser.receive(answer)?.body == cache.store.sortedCertificates.flatMap(\.text))
        #expect(loop.wait { cache.port.sessionCount == 0 })
    }

    @Test("nonsense on the DirPort is answered with 400, silence and hanging up cost nothing")
    func dirPortNonsense() throws {
        let cache = try LoopbackDirectory(loop: loop, store: try Testnet.store())
        var answer: [UInt8] = []
        var closed = 0
        for text in ["PUT / HTTP/1.0\r\n\r\n", "\u{16}\u{3}\u{1}" + String(repeating: "A", count: 20_000)] {
            TCPConnection.dial(loop: loop, cache.dirPort, timeout: .seconds(60)) { connection in
                connection?.onData = { answer += $0 }
                connection?.onClose = { closed += 1 }
                connection?.send(Array(text.utf8))
            }
        }
        #expect(loop.wait { closed == 2 })
        #expect(String(decoding: answer, as: UTF8.self).hasPrefix("HTTP/1.0 400 "))
        TCPConnection.dial(loop: loop, cache.dirPort, timeout: .seconds(60)) { $0?.abort() }
        #expect(loop.wait { cache.port.sessionCount == 0 })
    }

    @Test("more requests at once than the bound are told to come later")
    func busy() throws {
        var settings = DirectoryPort.Settings()
        settings.sessionLimit = 20
        let cache = try LoopbackDirectory(loop: loop, store: try Testnet.store(), settings: settings)
        var statuses: [Int] = []
        let circuit = client.buildCircuit([HopTarget(rsa: cache.source.rsa, ed25519: nil, addresses: cache.source.addresses, ntorKey: nil)])
        #expect(loop.wait { circuit.isBuilt })
        var streams: [OnionStream] = []
        for _ in 0..<settings.sessionLimit + 3 {
            let stream = circuit.openStream(.directory)
            var parser = HTTPResponseParser()
            stream.onEvent = { event in
                switch event {
                case .data(let bytes): _ = try? parser.receive(bytes)
                case .ended: if let response = try? parser.finish() { statuses.append(response.status) }
                default: break
                }
            }
            streams.append(stream)
        }
        #expect(loop.wait { statuses.count == 3 })
        #expect(statuses == [503, 503, 503])
        circuit.close()
        #expect(loop.wait { cache.port.sessionCount == 0 })
    }

    @Test("a peer that sends its request too slowly, or does not take the answer, is dropped")
    func slow() throws {
        var settings = DirectoryPort.Settings()
        settings.requestTimeout = .seconds(1)
        settings.answerTimeout = .seconds(1)
        let cache = try LoopbackDirectory(loop: loop, store: try Testnet.store(), settings: settings)
        cache.server.onOtherGet = { _, _ in .ok([UInt8](repeating: 65, count: 32 << 20)) }
        var closed = 0
        for request in ["GET /tor/keys/a", "GET /large HTTP/1.0\r\n\r\n"] {
            TCPConnection.dial(loop: loop, cache.dirPort, timeout: .seconds(60)) { connection in
                guard let connection else { return }
                connection.onClose = { closed += 1 }
                connection.send(Array(request.utf8))
                if request.hasSuffix("\n") { connection.pauseReading() }
            }
        }
        #expect(loop.wait { closed == 1 && cache.port.sessionCount == 0 })
    }
}
