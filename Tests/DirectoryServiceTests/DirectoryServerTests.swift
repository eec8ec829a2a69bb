import Ambience
import Bytes
import Directory
import DirectoryService
import Sealing
import Testing

@Suite("Directory server")
struct DirectoryServerTests {
    private let store: DirectoryStore
    private let server: DirectoryServer
    private let peer = DirectoryServer.Peer(address: IPAddress("127.0.0.1"), isTunnelled: true)

    init() throws {
        store = try Testnet.store()
        server = DirectoryServer(store: store)
    }

    private func get(_ path: String, headers: [(String, String)] = [], at now: WallTime = Testnet.now) -> HTTPResponse {
        server.answer(HTTPRequest(.get, path, headers: HTTPHeaders(headers)), from: peer, now: now)
    }

    @Test("both flavours are served, with a date and a length", arguments: [(ConsensusFlavour.ns, "consensus"), (.microdesc, "consensus-microdesc")])
    func consensus(flavour: ConsensusFlavour, name: String) throws {
        for suffix in ["", ".z"] {
            let response = get("/tor/status-vote/current/\(name)\(suffix)")
            #expect(response.status == 200)
            #expect(response.body == store.consensus(flavour)?.text)
            #expect(response.headers["Date"] == "Sat, 01 Jan 2000 00:02:30 GMT")
            #expect(response.headers["Expires"] == "Sat, 01 Jan 2000 00:02:40 GMT")
            #expect(response.headers["Content-Encoding"] == "identity")
            #expect(response.headers["Content-Length"] == "\(response.body.count)")
            #expect(response.headers["X-Your-Address-Is"] == nil)
        }
    }

    @Test("a consensus must be signed by more than half of the authorities that are asked for")
    func signers() throws {
        let known = try Testnet.authorities().map { Hex.upper($0.bytes) }.sorted()
        let stranger = String(repeating: "00", count: 20)
        let cases = [([known[0]], 200), (known, 200), ([known[0].prefix(6) + ""], 200), ([known[0], known[1], stranger], 200), ([known[0], stranger], 404), ([stranger], 404)]
        for (list, status) in cases {
            #expect(get("/tor/status-vote/current/consensus/" + list.joined(separator: "+")).status == status, "\(list)")
        }
    }

    @Test("a consensus that is no newer than the asker's is not sent again")
    func conditional() {
        let path = "/tor/status-vote/current/consensus-microdesc"
        #expect(get(path, headers: [("If-Modified-Since", "Sat, 01 Jan 2000 00:02:20 GMT")]).status == 304)
        #expect(get(path, headers: [("If-Modified-Since", "Sat, 01 Jan 2000 00:02:20 GMT")]).body.isEmpty)
        #expect(get(path, headers: [("if-modified-since", "Sat, 01 Jan 2000 00:02:19 GMT")]).status == 200)
        #expect(get(path, headers: [("If-Modified-Since", "yesterday")]).status == 200)
    }

    @Test("a consensus that is long out of date is not served")
    func tooOld() { #expect(get("/tor/status-vote/current/consensus", at: Testnet.now + 2 * 86_400).status == 404) }

    @Test("microdescriptors come by digest, each once")
    func microdescriptors() throws {
        let documents = try Testnet.microdescriptors()
        let names = documents.map(\.digestText)
        let response = get("/tor/micro/d/" + (names + names).joined(separator: "-"))
        #expect(response.status == 200)
        #expect(response.body == Array(documents.map(\.text).joined()))
        #expect(get("/tor/micro/d/" + Base64.encode([UInt8](repeating: 0, count: 32), padded: false)).status == 404)
        #expect(get("/tor/micro/d/").status == 404)
    }

    @Test("descriptors and extra-infos come by digest, by fingerprint and all together")
    func descriptors() throws {
        let one = store.descriptors[0]
        #expect(get("/tor/server/d/\(one.digest.bytes.hexText)").body == one.text)
        #expect(get("/tor/server/fp/\(one.rsa)").body == one.text)
        #expect(get("/tor/server/all").body == Array(store.descriptors.map(\.text).joined()))
        #expect(get("/tor/server/fp/\(String(repeating: "00", count: 20))").reason == "Servers unavailable")
        let extra = try #require(store.descriptors.compactMap { store.extraInfo(of: $0.rsa) }.first)
        #expect(get("/tor/extra/d/\(extra.sha1.bytes.hexText)").body == extra.text)
        #expect(get("/tor/extra/fp/\(extra.rsa)").body == extra.text)
        #expect(get("/tor/extra/all").status == 200)
    }

    @Test("our own documents are served before anybody lists us")
    func own() throws {
        let store = try Testnet.emptyStore()
        let server = DirectoryServer(store: store)
        let mine = try Testnet.descriptors()[0]
        func ask(_ path: String) -> HTTPResponse { server.answer(HTTPRequest(.get, path), from: peer, now: Testnet.now) }
        #expect(ask("/tor/server/authority").status == 404)
        server.ownDescriptor = { mine }
        for path in ["authority", "fp/\(mine.rsa)", "d/\(mine.digest.bytes.hexText)"] { #expect(ask("/tor/server/\(path)").body == mine.text) }
    }

    @Test("certificates come all together, by identity, by signing key and by both")
    func certificates() throws {
        let one = store.sortedCertificates[0]
        #expect(get("/tor/keys/all").body == store.sortedCertificates.flatMap(\.text))
        #expect(get("/tor/keys/fp/\(one.identity)").body == one.text)
        #expect(get("/tor/keys/sk/\(one.signingKeyDigest.bytes.hexText)").body == one.text)
        #expect(get("/tor/keys/fp-sk/\(one.name)").body == one.text)
        #expect(get("/tor/keys/authority").status == 404)
        server.ownCertificate = { one }
        #expect(get("/tor/keys/authority").body == one.text)
    }

    @Test("a cache takes no uploads; an authority's hook does, and answers further paths")
    func hooks() {
        func post(_ path: String) -> HTTPResponse { server.answer(HTTPRequest(.post, path, body: [1]), from: peer, now: Testnet.now) }
        #expect(post("/tor/").status == 400)
        server.onPost = { request, _ in request.path == "/tor/" ? .ok("") : nil }
        #expect(post("/tor/").status == 200)
        #expect(post("/tor/post/vote").status == 404)
        #expect(get("/tor/status-vote/next/consensus").status == 404)
        server.onOtherGet = { path, _ in path == "/tor/status-vote/next/consensus" ? .ok("soon") : nil }
        #expect(get("/tor/status-vote/next/consensus.z").body == Array("soon".utf8))
    }

    @Test("a peer is told its address when that is a public one")
    func address() {
        let peer = DirectoryServer.Peer(address: IPAddress("93.184.216.34"), isTunnelled: false)
        let response = server.answer(HTTPRequest(.get, "/"), from: peer, now: Testnet.now)
        #expect(response.status == 404)
        #expect(response.headers["X-Your-Address-Is"] == "93.184.216.34")
    }

    @Test("random paths never trap and never find anything", arguments: [1, 2, 3] as [UInt64])
    func randomPaths(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let pieces = ["/tor/", "server/", "keys/", "micro/d/", "fp-sk/", "d/", "fp/", "+", "-", ".z", "0B", "zz", "/", "status-vote/current/consensus", "é", "%00", "\t"]
        for _ in 0..<3000 {
            let path = (0..<Int.random(in: 0...8, using: &random)).map { _ in pieces.randomElement(using: &random)! }.joined()
            let response = get(path)
            let isFound = path.contains("consensus") || path.hasSuffix("all") || path.hasSuffix("all.z")
            #expect(response.status == 404 || response.status == 400 && path.contains("keys/") || isFound, "seed \(seed): \(path)")
        }
    }
}

extension [UInt8] {
    var hexText: String { Hex.upper(self) }
}
