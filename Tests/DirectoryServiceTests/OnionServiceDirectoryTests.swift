import Ambience
import Bytes
import DirectoryService
import Logging
import OnionServices
import Relaying
import Sealing
import Testing

@Suite("Directory of onion services")
struct OnionServiceDirectoryTests {
    private let time = ManualTime(wall: WallTime("2026-11-21 12:00:00")!)
    private let server: DirectoryServer
    private let memory = MemoryAccount()
    private let relayed = DirectoryServer.Peer(address: nil, isTunnelled: true, isAnonymous: true)
    private let blinded = Ed25519Key()

    init() throws {
        server = DirectoryServer(store: DirectoryStore(folder: nil, authorities: [], log: Logger(label: "test")))
        server.onionServices = OnionServiceDirectory(time: time, settings: .init(limitBytes: 1 << 20), memory: memory)
    }

    private func descriptor(revision: Int) -> [UInt8] {
        let signing = Ed25519Key()
        let certificate = TorCertificate.make(kind: 8, subject: signing.publicKey, expires: time.wall + 3600, signer: blinded, includeSigner: true)
        let text = """
            hs-descriptor 3
            descriptor-lifetime 180
            descriptor-signing-key-cert
            -----BEGIN ED25519 CERT-----
            \(Base64.encodeLines(certificate.encoded))-----END ED25519 CERT-----
            revision-counter \(revision)
            superencrypted
            -----BEGIN MESSAGE-----
            \(Base64.encodeLines([UInt8](repeating: 1, count: 100)))-----END MESSAGE-----

            """
        let signature = signing.sign(Array("Tor onion service descriptor sig v3\(text)".utf8))
        return Array("\(text)signature \(Base64.encode(signature, padded: false))\n".utf8)
    }

    private func ask(_ method: HTTPRequest.Method, _ path: String, _ body: [UInt8] = [], from peer: DirectoryServer.Peer) -> HTTPResponse {
        server.answer(HTTPRequest(method, path, body: body), from: peer, now: time.wall)
    }

    private var path: String { "/tor/hs/3/" + Base64.encode(blinded.publicKey, padded: false) }

    @Test("a published descriptor is handed out by its blinded key until its life is over")
    func publishing() {
        let text = descriptor(revision: 1)
        #expect(ask(.get, path, from: relayed).status == 404)
        #expect(ask(.post, "/tor/hs/3/publish", text, from: relayed).status == 200)
        #expect(ask(.get, path, from: relayed).body == text)
        time.advance(.seconds(Int64(180 * 60)))
        #expect(ask(.get, path, from: relayed).status == 404)
    }

    @Test("descriptors count as memory of the node, and go when it has too little")
    func memoryPressure() throws {
        #expect(ask(.post, "/tor/hs/3/publish", descriptor(revision: 1), from: relayed).status == 200)
        let services = try #require(server.onionServices)
        #expect(memory.usedBytes == services.bytes && services.bytes > 400)
        let freed = services.free(1)
        #expect(freed > 400 && services.count == 0 && memory.usedBytes == 0)
        #expect(ask(.get, path, from: relayed).status == 404)
    }

    @Test("what is old, broken or sent elsewhere is refused as a bad request")
    func refusing() {
        #expect(ask(.post, "/tor/hs/3/publish", descriptor(revision: 2), from: relayed).status == 200)
        #expect(ask(.post, "/tor/hs/3/publish", descriptor(revision: 2), from: relayed).status == 400)
        #expect(ask(.post, "/tor/hs/3/publish", Array("hs-descriptor 3\n".utf8), from: relayed).status == 400)
        #expect(ask(.post, "/tor/hs/2/publish", descriptor(revision: 3), from: relayed).status == 400)
        for path in ["/tor/hs/3/", "/tor/hs/3/AAAA", "/tor/hs/2/" + String(repeating: "A", count: 43), "\(path)A", "/tor/hs/3/" + String(repeating: "*", count: 43)] {
            #expect(ask(.get, path, from: relayed).status == 404, "\(path)")
        }
    }

    @Test("who comes straight to us, over a link or a DirPort, is sent away")
    func singleHop() {
        let peers = [DirectoryServer.Peer(address: nil, isTunnelled: true), DirectoryServer.Peer(address: .v4(1), isTunnelled: false)]
        for peer in peers {
            #expect(ask(.get, path, from: peer).status == 503)
            #expect(ask(.post, "/tor/hs/3/publish", descriptor(revision: 1), from: peer).status == 503)
        }
        #expect(ask(.get, path, from: relayed).status == 404)
    }
}
