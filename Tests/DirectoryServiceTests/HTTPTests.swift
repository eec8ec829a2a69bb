import Ambience
import DirectoryService
import Testing

@Suite("HTTP core")
struct HTTPTests {
    private static let post = "POST /tor/ HTTP/1.0\r\nHost: 127.0.0.1:7100\r\nContent-Length: 11\r\n\r\nrouter x\nyz"

    @Test("a request is the same wherever its bytes are split")
    func splitRequest() throws {
        let bytes = Array(Self.post.utf8)
        for first in 0...bytes.count {
            for second in first...bytes.count {
                var parser = HTTPRequestParser(limits: .relayRequest)
                let parts = [bytes[..<first], bytes[first..<second], bytes[second...]]
                let found = try parts.compactMap { try parser.receive(Array($0)) }
                #expect(found.count == 1)
                #expect(found.first?.method == .post)
                #expect(found.first?.path == "/tor/")
                #expect(found.first?.headers["host"] == "127.0.0.1:7100")
                #expect(found.first?.body == Array("router x\nyz".utf8))
            }
        }
    }

    @Test("a response is the same however it is split, with a length and without")
    func splitResponse() throws {
        for length in ["Content-Length: 6\r\n", ""] {
            let bytes = Array("HTTP/1.0 200 OK\r\nDate: Sat, 21 Nov 2026 07:09:27 GMT\r\n\(length)\r\nabcdef".utf8)
            for cut in 0...bytes.count {
                var parser = HTTPResponseParser()
                var response = try parser.receive(Array(bytes[..<cut]))
                response = try response ?? parser.receive(Array(bytes[cut...]))
                if length.isEmpty { response = try parser.finish() }
                #expect(response?.status == 200)
                #expect(response?.body == Array("abcdef".utf8))
                #expect(response?.headers["DATE"] == "Sat, 21 Nov 2026 07:09:27 GMT")
            }
        }
    }

    @Test("what is written is read back")
    func roundTrip() throws {
        var requests = HTTPRequestParser(limits: .relayRequest)
        #expect(try requests.receive(HTTPRequest(.post, "/tor/", body: [1, 2, 3]).encoded)?.body == [1, 2, 3])
        var responses = HTTPResponseParser()
        #expect(try responses.receive(HTTPResponse.badRequest("bad\r\nX: y").encoded) == nil)
        let response = try responses.finish()
        #expect(response.status == 400)
        #expect(response.reason == "bad  X: y")
    }

    @Test("a proxied URL loses its host", arguments: [("http://h:1/tor/x", "/tor/x"), ("http://h", "/"), ("/a", "/a")])
    func absolute(target: String, path: String) throws {
        var parser = HTTPRequestParser(limits: .relayRequest)
        #expect(try parser.receive(Array("GET \(target) HTTP/1.1\r\n\r\n".utf8))?.path == path)
    }

    @Test(
        "a malformed request is refused",
        arguments: [
            "\r\n\r\n", "GET\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/2.0\r\n\r\n", "PUT / HTTP/1.0\r\n\r\n", "GET  / HTTP/1.0\r\n\r\n", "GET x HTTP/1.0\r\n\r\n",
            "GET / HTTP/1.0\r\nno colon\r\n\r\n", "GET / HTTP/1.0\r\n: v\r\n\r\n", "GET / HTTP/1.0\r\nA B: v\r\n\r\n", "GET /\u{1} HTTP/1.0\r\n\r\n",
            "POST / HTTP/1.0\r\nContent-Length: -1\r\n\r\n", "POST / HTTP/1.0\r\nContent-Length: 1x\r\n\r\n", "POST / HTTP/1.0\r\nContent-Length: \r\n\r\n",
            "POST / HTTP/1.0\r\nContent-Length: 99999999999999999999\r\n\r\n", "GET / HTTP/1.0\r\nA: b\rc\r\n\r\n",
        ]
    )
    func malformed(text: String) {
        var parser = HTTPRequestParser(limits: .relayRequest)
        #expect(throws: HTTPError.malformed) { try parser.receive(Array(text.utf8)) }
    }

    @Test(
        "a malformed response is refused",
        arguments: ["\r\n\r\n", "HTTP/1.0\r\n\r\n", "HTTP/1.0 20 OK\r\n\r\n", "HTTP/1.0 +20 OK\r\n\r\n", "ICY 200 OK\r\n\r\n", "HTTP/1.0 200 OK\r\nContent-Length: x\r\n\r\n"]
    )
    func malformedResponse(text: String) {
        var parser = HTTPResponseParser()
        #expect(throws: HTTPError.malformed) { try parser.receive(Array(text.utf8)) }
    }

    @Test("more than the limits is refused as soon as it is seen")
    func limits() {
        let limits = HTTPLimits(headBytes: 64, bodyBytes: 10)
        var endless = HTTPRequestParser(limits: limits)
        #expect(throws: HTTPError.headTooLarge(limitBytes: 64)) { try endless.receive([UInt8](repeating: 65, count: 64)) }
        var announced = HTTPRequestParser(limits: limits)
        #expect(throws: HTTPError.bodyTooLarge(limitBytes: 10)) { try announced.receive(Array("POST / HTTP/1.0\r\nContent-Length: 11\r\n\r\n".utf8)) }
        var unannounced = HTTPResponseParser(limits: limits)
        #expect(throws: HTTPError.bodyTooLarge(limitBytes: 10)) { try unannounced.receive(Array("HTTP/1.0 200 OK\r\n\r\n01234567890".utf8)) }
    }

    @Test("a response that ends early is no response", arguments: ["", "HTTP/1.0 200 OK\r\n", "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nab"])
    func truncated(text: String) throws {
        var parser = HTTPResponseParser()
        #expect(try parser.receive(Array(text.utf8)) == nil)
        #expect(throws: HTTPError.truncated) { try parser.finish() }
    }

    @Test("random bytes never trap")
    func randomBytes() {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededRandom(seed: seed)
        let pieces = ["GET ", "POST ", "/tor/", " HTTP/1.0", "\r\n", "\r\n\r\n", "Content-Length: ", "7", ":", "\0", "é"]
        for _ in 0..<2000 {
            var requests = HTTPRequestParser(limits: .relayRequest)
            var responses = HTTPResponseParser()
            for _ in 0..<12 {
                let piece = Array(pieces.randomElement(using: &random)!.utf8)
                _ = try? requests.receive(piece)
                _ = try? responses.receive(piece)
            }
            _ = try? responses.finish()
        }
        #expect(Bool(true), "seed \(seed)")
    }
}
