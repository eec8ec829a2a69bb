import Ambience
import Client
import Directory
import DirectoryService
import Logging
import Loops
import Relaying
import Sealing
import Testing

/// A client that knows no network, on a real port of the loopback.
@Suite("A SocksPort", .serialized)
struct SocksPortTests {
    final class Bench {
        let loop = EventLoop()
        let client: Client

        init(_ change: (inout ClientSettings) -> Void = { _ in }) throws {
            let router = OnionRouter(loop: loop, tls: TLSContext())
            let store = DirectoryStore(folder: nil, authorities: [], log: Logger(label: "test"))
            let fetcher = DirectoryFetcher(loop: loop, router: router, store: store, authorities: [], settings: .client(isTesting: true))
            var settings = ClientSettings()
            settings.ports = [SocksPortSettings(address: SocketAddress("127.0.0.1:0")!)]
            change(&settings)
            client = Client(loop: loop, router: router, store: store, fetcher: fetcher, settings: settings)
            try client.start()
        }

        deinit { client.stop() }

        /// What a connection that sends `bytes` hears until it is closed, or for `seconds` at most.
        func answer(to bytes: [UInt8], seconds: Int64 = 60) -> (heard: [UInt8], isClosed: Bool) {
            var heard: [UInt8] = []
            var isClosed = false
            TCPConnection.dial(loop: loop, client.addresses[0], timeout: .seconds(seconds)) { connection in
                guard let connection else { return }
                connection.onData = { heard += $0 }
                connection.onClose = { isClosed = true }
                connection.send(bytes)
            }
            let end = loop.now + .seconds(seconds)
            loop.after(.seconds(seconds)) {}
            while !isClosed, loop.now < end { loop.turn(wait: true) }
            return (heard, isClosed)
        }
    }

    static let greeting: [UInt8] = [5, 1, 0]

    static func connect(_ name: String) -> [UInt8] { greeting + [5, 1, 0, 3, UInt8(name.utf8.count)] + Array(name.utf8) + [0, 80] }

    @Test("What is refused is refused at once, in the application's dialect", arguments: [
        (connect("x.onion"), [5, 0, 5, 4]), (connect("x.relay.exit"), [5, 0, 5, 1]), (greeting + [5, 1, 0, 1, 10, 0, 0, 1, 0, 80], [5, 0, 5, 1]),
        (greeting + [5, 2, 0, 1, 10, 0, 0, 1, 0, 80], [5, 0, 5, 7]), ([5, 1, 9], [5, 255]), ([4, 1, 0, 80, 10, 0, 0, 1, 0], [0, 0x5B]),
        (Array("GET / HTTP/1.1\r\n\r\n".utf8), Array("HTTP/1.0 501".utf8)), ([0x16, 3, 1], []), (greeting + [5, 0xF0, 0, 1, 1, 2, 3, 4, 0, 0], [5, 0, 5, 0, 0, 1, 1, 2, 3, 4]),
    ] as [([UInt8], [UInt8])])
    func refusals(sent: [UInt8], expected: [UInt8]) throws {
        let said = try Bench().answer(to: sent)
        #expect(said.isClosed)
        #expect(said.heard.starts(with: expected) && said.heard.isEmpty == expected.isEmpty)
    }

    @Test("Whom SocksPolicy rejects hears nothing, and whom it does not name is served", arguments: [("reject 127.0.0.0/8", true), ("accept 10.0.0.1,reject 10.0.0.0/8", false)])
    func policy(text: String, isRefused: Bool) throws {
        let policy = try ExitPolicy(torrc: text)
        let said = try Bench { $0.socksPolicy = policy }.answer(to: Self.connect("x.onion"))
        #expect(said.isClosed && said.heard.isEmpty == isRefused)
    }

    @Test("With SafeSocks an application that resolves names by itself is refused")
    func safeSocks() throws {
        let said = try Bench { $0.isSafeSocks = true }.answer(to: Self.greeting + [5, 1, 0, 1, 1, 1, 1, 1, 0, 80])
        #expect(said.heard.dropFirst(2).starts(with: [5, 1]) && said.isClosed)
    }

    @Test("Without a network a request waits, and fails after SocksTimeout")
    func timeout() throws {
        let said = try Bench { $0.pool.streamTimeout = .seconds(Int64(1)) }.answer(to: Self.connect("a.example"))
        #expect(said.heard.dropFirst(2).starts(with: [5, 6]) && said.isClosed)
    }

    @Test("An application that never finishes its handshake is closed after the same time")
    func silence() throws {
        let said = try Bench { $0.pool.streamTimeout = .seconds(Int64(1)) }.answer(to: [5])
        #expect(said.heard.isEmpty && said.isClosed)
    }

    @Test("More connections than the bound are closed at once")
    func sessionLimit() throws {
        let bench = try Bench { $0.sessionLimit = 0 }
        #expect(bench.answer(to: Self.connect("a.example")).isClosed)
    }

    @Test("Noise never stops it", arguments: [1, 2, 3] as [UInt64])
    func noise(seed: UInt64) throws {
        let bench = try Bench { $0.pool.streamTimeout = .milliseconds(50) }
        var random = SeededRandom(seed: seed)
        for _ in 0..<60 {
            var bytes = (0..<Int.random(in: 1..<40, using: &random)).map { _ in UInt8.random(in: .min ... .max, using: &random) }
            bytes[0] = [4, 5, bytes[0]].randomElement(using: &random)!
            #expect(bench.answer(to: bytes).isClosed, "seed \(seed)")
        }
    }
}
