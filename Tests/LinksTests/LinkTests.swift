import Ambience
import Foundation
import Links
import Loops
import Sealing
import Testing

@Suite("Connections in the clear and under TLS")
struct LinkTests {
    private let loop = EventLoop()
    private let memory = Link.Memory()

    /// Both ends of one connection, and what each has heard.
    private final class End {
        let link: Link
        var heard: [UInt8] = []
        var isEnded = false

        init(_ loop: EventLoop, _ fd: Int32, _ memory: Link.Memory) {
            link = Link(loop: loop, fd: fd, memory: memory)
            link.onBytes = { [unowned self] in heard += $0 }
            link.onEnd = { [unowned self] in isEnded = true }
        }
    }

    private func ends() throws -> (client: End, server: End) {
        let (here, there) = try #require(Sockets.pair())
        return (End(loop, here, memory), End(loop, there, memory))
    }

    private func wait(_ what: Comment, _ isDone: () -> Bool) {
        let end = Date().addingTimeInterval(60), tick = loop.every(.milliseconds(20)) {}
        while !isDone(), Date() < end { loop.turn(wait: true) }
        tick.cancel()
        #expect(isDone(), what)
    }

    @Test("what is sent in the clear and then under TLS comes whole and in its order, and the last words in the clear go before TLS")
    func upgrade() throws {
        let identity = TLSIdentity(), context = TLSContext(mutual: identity), (client, server) = try ends()
        let long = (0..<2 << 20).map { UInt8(truncatingIfNeeded: $0 * 7 >> 3) }, last = Array("go ahead".utf8)
        client.link.send(long)
        wait("all in the clear") { server.heard.count == long.count }
        #expect(server.heard == long)
        var secured: [Bool] = []
        server.link.send(last)
        server.link.secure(context, isServer: true) { secured.append($0) }
        wait("the last words") { client.heard == last }
        client.link.secure(context, isServer: false) { secured.append($0) }
        wait("TLS") { secured == [true, true] }
        #expect(client.link.peerCertificate.flatMap { X509Certificate(der: $0) }?.keyDigest == identity.keyDigest)
        (client.heard, server.heard) = ([], [])
        var isSent = false
        server.link.onSent = { isSent = true }
        for part in stride(from: 0, to: long.count, by: 100_000) { server.link.send(Array(long[part..<min(part + 100_000, long.count)])) }
        client.link.send(long)
        wait("all under TLS") { server.heard.count == long.count && client.heard.count == long.count && isSent }
        #expect(server.heard == long && client.heard == long)
        client.link.close()
        wait("the end") { server.isEnded }
        #expect(!client.isEnded, "who closes it himself need not be told")
    }

    @Test("a link whose peer reads nothing ends at its bound")
    func bound() throws {
        let (client, server) = try ends()
        client.link.setPaused(true)
        server.link.unsentLimitBytes = 256 << 10
        for _ in 0..<1_000 where !server.isEnded { server.link.send([UInt8](repeating: 1, count: 64 << 10)) }
        #expect(server.isEnded)
    }

    @Test("last words arrive, and the link ends when their reader closes it; nothing is sent or heard any more meanwhile")
    func finish() throws {
        let (client, server) = try ends(), words = [UInt8](repeating: 5, count: 1 << 20)
        server.link.send(words)
        server.link.finish(lingering: .seconds(Int64(600)))
        server.link.send([1])
        client.link.send([2])
        wait("the words and the end") { client.heard.count == words.count && client.isEnded }
        wait("the other end") { server.isEnded }
        #expect(client.heard == words && server.heard.isEmpty)
    }

    @Test("a reader that does not close it is waited for no longer than was said")
    func lingering() throws {
        let (client, server) = try ends()
        client.link.setPaused(true)
        server.link.finish(lingering: .milliseconds(10))
        wait("the end") { server.isEnded }
    }

    @Test("what is no TLS ends a link that is to be secured, and only who asked for that is told")
    func garbage() throws {
        let (client, server) = try ends()
        var secured: Bool?
        server.link.secure(TLSContext(mutual: TLSIdentity()), isServer: true) { secured = $0 }
        client.link.send(Array("EHLO me\r\n".utf8))
        wait("the end") { secured == false }
        #expect(!server.isEnded && server.heard.isEmpty)
    }
}
