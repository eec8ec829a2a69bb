import Ambience
import Authority
import Directory
import DirectoryService
import Loops
import Relaying
import Sealing
import Testing

/// An authority on the real clock and real sockets.
struct LiveAuthorityTests {
    @Test("A relay that posts its descriptor is reached, listed in both flavours, and still there after a crash of the authority")
    func listedAndKept() throws {
        let folder = try ScratchFolder()
        let authority = try LoopbackAuthority(folder: folder.path)
        try authority.start()
        let keys = LoopbackAuthority.makeRelayKeys(wall: authority.loop.wall)
        let router = LoopbackAuthority.makeRouter(authority.loop, keys, authority.loop.wall)
        let address = try router.listen(on: SocketAddress(ip: LoopbackAuthority.loopback, port: 0))
        let upload = try LoopbackAuthority.upload(keys, nickname: "relay", orPort: address.port, published: authority.loop.wall)
        #expect(post(upload, to: authority) == 200)
        #expect(post(upload, to: authority) == 200)
        #expect(post(Array(upload.dropFirst(100)), to: authority) == 400)
        func isListed(_ store: DirectoryStore, _ flavour: ConsensusFlavour) -> Bool { store.consensus(flavour)?.entries.contains { $0.nickname == "relay" } == true }
        #expect(authority.wait(seconds: 120) { ConsensusFlavour.allCases.allSatisfy { isListed(authority.store, $0) } })
        let consensus = try #require(authority.store.consensus(.microdesc))
        #expect(consensus.entries.count == 2)
        #expect(authority.store.missingMicrodescriptors(of: consensus).isEmpty)
        // Another descriptor than the consensus has.
        #expect(post(try LoopbackAuthority.upload(keys, nickname: "relay", orPort: address.port, published: authority.loop.wall) { $0.contact = "new" }, to: authority) == 200)
        authority.abandon()
        router.closeAll()

        let next = try LoopbackAuthority(folder: folder.path, relayKeys: authority.relayKeys)
        #expect(next.keys.identity == authority.keys.identity)
        #expect(next.store.descriptors.count == 2)
        #expect(isListed(next.store, .ns))
        // The first consensus after a restart comes before anybody can be tested.
        try next.start()
        #expect(next.wait(seconds: 120) { next.store.consensus(.ns).map { $0.validAfter > consensus.validAfter } ?? false })
        #expect(isListed(next.store, .ns))
        next.abandon()
    }

    @Test("A relay that does not answer at its address with its own keys is not listed")
    func unreachable() throws {
        let folder = try ScratchFolder()
        let authority = try LoopbackAuthority(folder: folder.path)
        try authority.start()
        let wall = authority.loop.wall
        let impostor = LoopbackAuthority.makeRouter(authority.loop, LoopbackAuthority.makeRelayKeys(wall: wall), wall)
        let address = try impostor.listen(on: SocketAddress(ip: LoopbackAuthority.loopback, port: 0))
        #expect(post(try LoopbackAuthority.upload(LoopbackAuthority.makeRelayKeys(wall: wall), nickname: "claimed", orPort: address.port, published: wall), to: authority) == 200)
        #expect(post(try LoopbackAuthority.upload(LoopbackAuthority.makeRelayKeys(wall: wall), nickname: "silent", orPort: 1, published: wall), to: authority) == 200)
        #expect(authority.wait(seconds: 120) { authority.store.consensus(.ns) != nil })
        #expect(authority.store.consensus(.ns)?.entries.map(\.nickname) == ["auth"])
        authority.abandon()
        impostor.closeAll()
    }

    /// Posts over the DirPort, as a stock relay does; the status.
    private func post(_ body: [UInt8], to authority: LoopbackAuthority) -> Int? {
        var status: Int?
        var parser = HTTPResponseParser()
        var connection: TCPConnection?
        TCPConnection.dial(loop: authority.loop, authority.dirAddress, timeout: .seconds(Int64(60))) { dialled in
            connection = dialled
            dialled?.onData = { bytes in
                if let response = try? parser.receive(bytes) { status = response.status }
            }
            dialled?.onEnd = { if let response = try? parser.finish() { status = response.status } }
            dialled?.send(HTTPRequest(.post, "/tor/", body: body).encoded)
        }
        _ = authority.wait(seconds: 60) { status != nil }
        connection?.abort()
        return status
    }
}
