import Ambience
import Bytes
import Compression
import Directory
import DirectoryService
import Loops
import Testing

@Suite("Packed answers and consensus diffs")
struct PackedAnswersTests {
    private static let microdesc = "/tor/status-vote/current/consensus-microdesc"
    private let loop = EventLoop()
    private let store: DirectoryStore
    private let press: DocumentPress
    private let server: DirectoryServer
    private let peer = DirectoryServer.Peer(address: nil, isTunnelled: true)

    init() throws {
        store = try Testnet.store()
        press = DocumentPress(worker: BackgroundWorker(loop: loop))
        server = DirectoryServer(store: store, press: press)
    }

    private func get(_ path: String, _ headers: [(String, String)] = []) throws -> HTTPResponse {
        var answer: HTTPResponse?
        server.respond(to: HTTPRequest(.get, path, headers: HTTPHeaders(headers)), from: peer, now: Testnet.now) { answer = $0 }
        #expect(loop.wait { answer != nil })
        return try #require(answer)
    }

    private func unpacked(_ response: HTTPResponse) throws -> [UInt8] {
        #expect(response.headers["Content-Length"] == "\(response.body.count)")
        let coding = try #require(ContentCoding(httpName: response.headers["Content-Encoding"] ?? ""))
        return try coding.unpack(response.body, limitBytes: 1 << 24)
    }

    @Test("an asker gets the best coding that it accepts, and always one that it accepts", arguments: [
        ("", "identity"), ("identity", "identity"), ("deflate, gzip, x-tor-lzma, x-zstd, identity", "x-zstd"), ("gzip,deflate", "deflate"), ("x-gzip", "gzip"),
        ("x-zstd;q=0, gzip;q=0.5", "gzip"), ("br, snappy", "identity"), (",, ;", "identity"),
    ])
    func negotiation(accepted: String, coding: String) throws {
        let response = try get(Self.microdesc, [("Accept-Encoding", accepted)])
        #expect(response.headers["Content-Encoding"] == coding)
        #expect(try unpacked(response) == Testnet.consensus(.microdesc).text)
    }

    @Test("a path that ends in .z accepts deflate")
    func suffix() throws {
        for path in [Self.microdesc, "/tor/server/all", "/tor/keys/all"] {
            let response = try get(path + ".z")
            #expect(response.headers["Content-Encoding"] == "deflate")
            #expect(try unpacked(response) == server.answer(HTTPRequest(.get, path), from: peer, now: Testnet.now).body)
        }
    }

    @Test("a consensus is packed once; what is small or not found is not packed")
    func once() throws {
        for _ in 0..<3 { _ = try get(Self.microdesc, [("Accept-Encoding", "x-zstd")]) }
        #expect(press.count == 1)
        _ = try get(Self.microdesc, [("Accept-Encoding", "gzip")])
        #expect(press.count == 2)
        #expect(try get("/robots.txt", [("Accept-Encoding", "x-zstd")]).headers["Content-Encoding"] == "identity")
        #expect(try get("/tor/none", [("Accept-Encoding", "x-zstd")]).status == 404)
        #expect(press.count == 2)
        #expect(server.statistics.bytesSent < server.statistics.bytesPlain)
    }

    @Test("many askers at once wait for the same work")
    func together() throws {
        var answers: [[UInt8]] = []
        let request = HTTPRequest(.get, Self.microdesc, headers: HTTPHeaders([("Accept-Encoding", "x-zstd")]))
        for _ in 0..<100 { server.respond(to: request, from: peer, now: Testnet.now) { answers.append($0.body) } }
        #expect(loop.wait { answers.count == 100 })
        #expect(Set(answers).count == 1)
        #expect(press.count == 1)
    }

    @Test("products that were not used for long make room for new ones")
    func eviction() throws {
        var settings = DocumentPress.Settings()
        settings.keptBytes = 4000
        let press = DocumentPress(worker: BackgroundWorker(loop: loop), settings: settings)
        let server = DirectoryServer(store: store, press: press)
        for coding in ["x-zstd", "deflate", "gzip"] {
            for path in [Self.microdesc, "/tor/status-vote/current/consensus"] {
                var isDone = false
                server.respond(to: HTTPRequest(.get, path, headers: HTTPHeaders([("Accept-Encoding", coding)])), from: peer, now: Testnet.now) { response in
                    #expect(response.status == 200)
                    isDone = true
                }
                #expect(loop.wait { isDone })
            }
        }
        #expect(press.count < 4)
    }

    @Test("whoever holds an older consensus gets the diff to the newest", arguments: ConsensusFlavour.allCases)
    func diff(flavour: ConsensusFlavour) throws {
        let path = "/tor/status-vote/current/consensus" + (flavour == .microdesc ? "-microdesc" : "")
        let (old, new) = (try Testnet.earlierConsensus(flavour), try Testnet.consensus(flavour))
        let held = Hex.upper(old.signedDigest)
        #expect(try get(path, [("X-Or-Diff-From-Consensus", held)]).body == new.text, "not in our history yet")
        store.put(old, now: Testnet.now)
        store.put(new, now: Testnet.now)
        for (request, accepted) in [(path, ""), (path, "x-zstd"), (path + "/diff/" + held, "deflate")] {
            let headers = request == path ? [("X-Or-Diff-From-Consensus", "00 zz \(held)")] : []
            let response = try get(request, headers + [("Accept-Encoding", accepted)])
            #expect(response.headers["Vary"] == "X-Or-Diff-From-Consensus")
            let diff = try unpacked(response)
            #expect(ConsensusDiff.isDiff(diff))
            #expect(try ConsensusDiff.apply(diff, to: old.text) == new.text)
        }
        #expect(server.statistics.diffs == 3)
    }

    @Test("whoever holds the newest is told so; a demanded diff that there is not is not found")
    func noDiff() throws {
        let newest = Hex.upper(try Testnet.consensus(.microdesc).signedDigest)
        #expect(try get(Self.microdesc, [("X-Or-Diff-From-Consensus", newest)]).status == 304)
        #expect(try get(Self.microdesc + "/diff/" + newest).status == 304)
        #expect(try get(Self.microdesc + "/diff/" + String(repeating: "00", count: 32)).status == 404)
        #expect(try get(Self.microdesc + "/diff/zz").status == 404)
        let plain = DirectoryServer(store: store)
        #expect(plain.answer(HTTPRequest(.get, Self.microdesc + "/diff/" + newest), from: peer, now: Testnet.now).status == 404)
    }

    @Test("the signers that are asked for count for diffs too")
    func diffSigners() throws {
        store.put(try Testnet.earlierConsensus(.microdesc), now: Testnet.now)
        store.put(try Testnet.consensus(.microdesc), now: Testnet.now)
        let held = Hex.upper(try Testnet.earlierConsensus(.microdesc).signedDigest)
        #expect(try get(Self.microdesc + "/diff/\(held)/\(String(repeating: "00", count: 20))").status == 404)
    }

    @Test("certificates that are not newer than the asker's are not sent again")
    func certificates() throws {
        #expect(try get("/tor/keys/all", [("If-Modified-Since", "Sat, 01 Jan 2000 00:00:00 GMT")]).status == (store.sortedCertificates.contains { $0.published >= WallTime("2000-01-01 00:00:00")! } ? 200 : 304))
        #expect(try get("/tor/keys/all", [("If-Modified-Since", "Fri, 01 Jan 2038 00:00:00 GMT")]).status == 304)
        #expect(try get("/tor/keys/fp/" + String(repeating: "00", count: 20), [("If-Modified-Since", "Fri, 01 Jan 2038 00:00:00 GMT")]).status == 404)
    }

    @Test("a front page is shown at the root, as HTML")
    func frontPage() throws {
        #expect(try get("/").status == 404)
        server.frontPage = Array("<html>exit</html>".utf8)
        for path in ["/", "/tor/"] {
            let response = try get(path)
            #expect(response.body == server.frontPage)
            #expect(response.headers["Content-Type"] == "text/html")
        }
    }
}
