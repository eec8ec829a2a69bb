import Ambience
import Glibc
import Sealing
import Testing

@Suite("TLS sessions")
struct TLSTests {
    /// Two sessions over a pair of connected sockets, in one thread.
    private final class Pair {
        let server: TLSSession
        let client: TLSSession
        let context: TLSContext
        private let sockets: [Int32]

        init() {
            signal(SIGPIPE, SIG_IGN)
            let now = SystemTime().wall.secondsSinceEpoch
            var ends: [Int32] = [0, 0]
            socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0, &ends)
            sockets = ends
            context = TLSContext(notBefore: now - 100, notAfter: now + 100)
            server = TLSSession(context: context, fd: ends[0], isServer: true, input: TLSInput())
            client = TLSSession(context: TLSContext(), fd: ends[1], isServer: false, input: TLSInput())
        }

        deinit { sockets.forEach { close($0) } }

        func shake() -> Bool {
            for _ in 0..<20 {
                let (left, right) = (client.handshake(), server.handshake())
                if left == .done, right == .done { return true }
                if left == .failed || right == .failed { return false }
            }
            return false
        }
    }

    private func read(_ session: TLSSession) -> (bytes: [UInt8], progress: TLSSession.Progress) {
        var buffer = [UInt8](repeating: 0, count: TLSSession.readBytes)
        let (count, progress) = session.read(into: &buffer, capacity: buffer.count)
        return (Array(buffer[..<count]), progress)
    }

    @Test("shake hands, show the responder's certificate and export the same keys on both sides")
    func handshake() {
        let pair = Pair()
        #expect(pair.shake())
        #expect(pair.client.peerCertificate == pair.context.certificate && pair.server.peerCertificate == nil)
        let keys = [pair.client, pair.server].map { $0.exportKey(label: "EXPORTER test", context: [1, 2], count: 32) }
        #expect(keys[0] == keys[1] && keys[0]?.count == 32)
        #expect(pair.client.exportKey(label: "EXPORTER test", context: [1, 3], count: 32) != keys[0])
        #expect(Pair().client.exportKey(label: "EXPORTER test", context: [], count: 32) == nil)
    }

    @Test("carry bytes both ways, say when there are none, and tell a clean end from a broken one")
    func bytes() {
        let pair = Pair()
        #expect(pair.shake())
        #expect(read(pair.client).progress == .wantsRead)
        let message = (0..<5000).map { UInt8(truncatingIfNeeded: $0) }
        #expect(pair.client.write(message, count: message.count).count == message.count)
        #expect(pair.server.write(message, count: 7).count == 7)
        #expect(pair.client.unsentBytes > message.count && pair.client.push() == .done && pair.server.push() == .done)
        #expect(read(pair.server).bytes == message && read(pair.client).bytes == Array(message[..<7]))
        pair.client.shutdown()
        #expect(read(pair.server).progress == .closed)
    }

    @Test("open every record that came at once, and hold sealed bytes within a bound when the other side takes none")
    func batches() {
        let pair = Pair()
        #expect(pair.shake())
        let piece = [UInt8](repeating: 7, count: 600)
        for _ in 0..<50 { #expect(pair.client.write(piece, count: piece.count).count == piece.count) }
        #expect(pair.client.push() == .done)
        var total = 0
        for _ in 0..<5 where total < 30_000 { total += read(pair.server).bytes.count }
        #expect(total == 30_000)
        let large = [UInt8](repeating: 8, count: 16_000)
        var taken = 0
        while case let (count, progress) = pair.client.write(large, count: large.count), progress == .done { taken += count }
        #expect(pair.client.write(large, count: large.count).progress == .wantsWrite && pair.client.unsentBytes < 200_000)
        var arrived = 0
        while arrived < taken {
            let (bytes, progress) = read(pair.server)
            guard progress == .wantsRead else { break }
            arrived += bytes.count
            _ = pair.client.push()
        }
        #expect(arrived == taken && pair.client.unsentBytes == 0)
    }

    @Test("fail on what is no TLS, without harm to another session")
    func garbage() {
        let (broken, healthy) = (Pair(), Pair())
        var ends: [Int32] = [0, 0]
        socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0, &ends)
        defer { ends.forEach { close($0) } }
        let session = TLSSession(context: broken.context, fd: ends[0], isServer: true, input: TLSInput())
        let text = Array("GET / HTTP/1.0\r\n\r\n".utf8)
        _ = write(ends[1], text, text.count)
        #expect(session.handshake() == .failed)
        #expect(healthy.shake())
        #expect(read(healthy.client).progress == .wantsRead)
    }
}
