import Ambience
import Exchange
import Glibc
import Loops
import MarketLine
import Sealing
import Synchronization
import Testing

@Suite("The line to an exchange")
struct ListenerTests {
    private static let anywhere = SocketAddress(ip: IPAddress("127.0.0.1")!, port: 0)

    private static func client(_ listener: MarketListener) throws -> MarketClient {
        try #require(MarketClient("\(listener.address)", .direct, limitMilliseconds: 60_000))
    }

    @Test("a question gets its answer, whatever its status, and an order its receipt")
    func asked() throws {
        let key = Curve25519Key(), order = [UInt8](repeating: 1, count: 9000), slice = Slice(3)
        let listener = try MarketListener(Self.anywhere) { request in
            switch request.path {
            case .terms: .text("terms")
            case .order: .bytes((OrderLetter.open(request.body, with: key, at: slice) == Padding.pad(order) ? OrderReceipt.taken(slice) : .refused).bytes)
            case .answer: .bytes(AnswerLetter.ready(.refused(.spent)).bytes!)
            case .addCheckpoint: MarketResponse(409, .treeSize, Array("17\n".utf8))
            case .offer: .busy
            default: .notFound
            }
        }
        defer { listener.stop() }
        let client = try Self.client(listener)
        #expect(try client.fetch(.terms) == Array("terms".utf8))
        #expect(try client.fetch(.listings(slice)) == nil)
        #expect(try client.send(order, to: key.publicKey, at: slice) == .taken(slice))
        #expect(try client.answer(to: [UInt8](repeating: 0, count: 32)) == .ready(.refused(.spent)))
        #expect(try client.perform(MarketRequest(.addCheckpoint, Array("old 5".utf8))) == MarketResponse(409, .treeSize, Array("17\n".utf8)))
        #expect(throws: MarketLineError.self) { try client.post(.offer, [1]) }
    }

    @Test("a listener that was stopped is not reached, and the error names its address")
    func stopped() throws {
        let listener = try MarketListener(Self.anywhere) { _ in .notFound }
        listener.stop()
        let client = try Self.client(listener)
        #expect { try client.fetch(.terms) } throws: { "\($0)".contains("\(listener.address)") }
    }

    @Test("what is no address is refused before anything is sent", arguments: ["", "x", "x:", "x:0", "x:70000", "a b:80", "a/b:80", "u@h:80", "::1:80", "X.onion:80"])
    func addresses(text: String) { #expect(!MarketClient.isAddress(text)) }

    @Test("names, IPv4 and bracketed IPv6 addresses with a port are addresses", arguments: ["abc234.onion:80", "10.0.0.1:1", "[::1]:65535", "exchange.example:8080"])
    func goodAddresses(text: String) { #expect(MarketClient.isAddress(text)) }

    /// What a stranger gets for bytes that they send by hand.
    private static func raw(_ address: SocketAddress, _ bytes: [UInt8]) -> [UInt8] {
        let fd = Self.connected(address)
        defer { close(fd) }
        _ = send(fd, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        var answer: [UInt8] = [], buffer = [UInt8](repeating: 0, count: 4096)
        while case let count = recv(fd, &buffer, buffer.count, 0), count > 0 { answer += buffer[..<count] }
        return answer
    }

    private static func connected(_ address: SocketAddress) -> Int32 {
        let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var patience = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var peer = sockaddr_in()
        (peer.sin_family, peer.sin_port, peer.sin_addr.s_addr) = (sa_family_t(AF_INET), address.port.bigEndian, UInt32(0x7F00_0001).bigEndian)
        _ = withUnsafePointer(to: &peer) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) } }
        return fd
    }

    @Test("nonsense gets a status and the connection is closed; the next one is served")
    func nonsense() throws {
        let listener = try MarketListener(Self.anywhere) { _ in .text("fine") }
        defer { listener.stop() }
        for (bytes, status) in [("\0\u{1}\u{2}\r\n\r\n", 400), ("GET /x HTTP/1.1\r\n\r\n", 404), ("DELETE /terms HTTP/1.1\r\n\r\n", 405), ("POST /answer HTTP/1.1\r\nContent-Length: 99999\r\n\r\n", 413)] {
            #expect(String(decoding: Self.raw(listener.address, Array(bytes.utf8)), as: UTF8.self).hasPrefix("HTTP/1.1 \(status) "))
        }
        #expect(try Self.client(listener).fetch(.terms) == Array("fine".utf8))
    }

    @Test("strangers who connect and say nothing do not keep others out: the slowest go")
    func crowded() throws {
        let listener = try MarketListener(Self.anywhere) { _ in .text("fine") }
        defer { listener.stop() }
        let silent = (0..<MarketListener.connectionsLimit + 20).map { _ in Self.connected(listener.address) }
        defer { silent.forEach { close($0) } }
        #expect(try Self.client(listener).fetch(.terms) == Array("fine".utf8))
    }

    @Test("a slow answer holds nobody else up, and no answer goes to the wrong one")
    func several() throws {
        let isOpen = Mutex(false)
        let listener = try MarketListener(Self.anywhere) { request in
            while request.path == .terms, !isOpen.withLock({ $0 }) { usleep(1000) }
            return .text(request.path.text)
        }
        defer { listener.stop() }
        let client = try Self.client(listener), slow = Mutex<[UInt8]?>(nil)
        let thread = WorkThread("slow") { slow.withLock { $0 = (try? client.fetch(.terms)) ?? [] } }
        for index in 0..<20 { #expect(try client.fetch(.ids(Slice(Int64(index)))) == Array("/ids/\(index)".utf8)) }
        isOpen.withLock { $0 = true }
        thread.join()
        #expect(slow.withLock { $0 } == Array("/terms".utf8))
    }
}
