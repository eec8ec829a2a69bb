import Exchange
import MarketLine
import Testing

@Suite("Questions to an exchange")
struct PathTests {
    static let paths: [MarketPath] = [
        .terms, .order, .answer, .offer, .swap, .proof, .complaint, .complaints(Slice(6)), .cert, .listings(Slice(0)), .swaps(Slice(7)), .certs(Slice(8)), .ids(Slice(123_456)), .beacon(Slice(9)),
        .report(Slice(10)), .weekKeys(2900), .dayKeys(20_000), .checkpoint, .tile("0/x001/067.p/3"), .tile("entries/000"), .addCheckpoint, .reveal,
    ]

    @Test("every path is read again from its text", arguments: paths)
    func stable(path: MarketPath) { #expect(MarketPath(path.text) == path) }

    @Test("what is no path, or one in another form, is none", arguments: [
        "", "/", "terms", "/terms/", "//terms", "/terms?x", "/listings", "/listings/", "/listings/-1", "/listings/01", "/listings/1/2", "/listings/1234567890123",
        "/keys/day", "/keys/day/", "/keys/week/1", "/tile", "/tile/", "/tile/A", "/tile/0/%2e", "/tile/" + String(repeating: "0", count: 65), "/Terms", "/order ",
    ])
    func refused(text: String) { #expect(MarketPath(text) == nil) }

    /// All at once, and byte by byte.
    private static func read(_ bytes: [UInt8], step: Int = .max) throws(RequestReader.Failure) -> MarketRequest? {
        var reader = RequestReader(), rest = bytes[...], request: MarketRequest?
        while !rest.isEmpty, request == nil {
            request = try reader.receive(Array(rest.prefix(step)))
            rest = rest.dropFirst(step)
        }
        return request
    }

    @Test("a request is the same however its bytes come", arguments: [1, 3, 50, Int.max])
    func split(step: Int) throws {
        let request = MarketRequest(.answer, [UInt8](repeating: 7, count: 32))
        #expect(try Self.read(request.bytes(to: "exchange:80"), step: step) == request)
        #expect(try Self.read(MarketRequest(.terms).bytes(to: "x"), step: step) == MarketRequest(.terms))
    }

    @Test("a request that is not whole is none yet")
    func partial() throws {
        let bytes = MarketRequest(.answer, [UInt8](repeating: 7, count: 32)).bytes(to: "x")
        #expect(try Self.read(bytes.dropLast()) == nil)
    }

    @Test("everything else is refused with the status that says why")
    func failures() {
        func failure(_ text: String) -> RequestReader.Failure? {
            do throws(RequestReader.Failure) {
                _ = try Self.read(Array(text.utf8))
                return nil
            } catch { return error }
        }
        #expect(failure("GET /nothing HTTP/1.1\r\n\r\n") == .unknownPath)
        #expect(failure("POST /terms HTTP/1.1\r\n\r\n") == .wrongMethod)
        #expect(failure("HEAD /terms HTTP/1.1\r\n\r\n") == .wrongMethod)
        #expect(failure("GET /terms HTTP/2\r\n\r\n") == .malformed)
        #expect(failure("GET  /terms HTTP/1.1\r\n\r\n") == .malformed)
        #expect(failure("GET /terms HTTP/1.1\r\nno colon\r\n\r\n") == .malformed)
        #expect(failure("GET /terms HTTP/1.1\nHost: x\r\n\r\n") == .malformed)
        #expect(failure("POST /answer HTTP/1.1\r\nContent-Length: 32\r\nContent-Length: 32\r\n\r\n") == .malformed)
        #expect(failure("POST /answer HTTP/1.1\r\nContent-Length: +1\r\n\r\n") == .malformed)
        #expect(failure("POST /answer HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n") == .malformed)
        #expect(failure("POST /answer HTTP/1.1\r\nContent-Length: 33\r\n\r\n") == .bodyTooLarge)
        #expect(failure("GET /terms HTTP/1.1\r\nContent-Length: 1\r\n\r\n") == .bodyTooLarge)
        #expect(failure("GET /terms HTTP/1.1\r\nX: " + String(repeating: "x", count: 5000)) == .headTooLarge)
        #expect(failure("GET /terms HTTP/1.1\r\n" + String(repeating: "X: y\r\n", count: 65) + "\r\n") == .headTooLarge)
    }
}
