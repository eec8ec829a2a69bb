import Ambience
import Loops
import Onion
import Sealing

@testable import Relaying

/// What one stream of a simulated client does, and whether what it hears is what was said.
final class StreamUse {
    enum Wish: CaseIterable {
        /// An exit that sends everything back.
        case echo
        /// An exit that sends what is asked for, then closes.
        case download
        /// The same from the relay's own directory.
        case directory
        /// An exit that takes a byte now and then.
        case slow
        /// Nobody listens there.
        case refused
    }

    let tag: UInt32
    let wish: Wish
    let bytes: Int
    private(set) var stream: OnionStream?
    private(set) var heard = 0
    private(set) var end: EndReason?
    private(set) var isCorrupt = false
    private let note: (String) -> Void

    init(tag: UInt32, wish: Wish, bytes: Int, note: @escaping (String) -> Void) {
        (self.tag, self.wish, self.bytes, self.note) = (tag, wish, bytes, note)
    }

    /// All that it wanted has come.
    var isSatisfied: Bool {
        switch wish {
        case .echo, .download, .directory: heard == bytes
        case .slow: heard == StreamUse.receiptBytes
        case .refused: end == .connectionRefused
        }
    }

    var isOver: Bool { end != nil }
    static let receiptBytes = 16

    func begin(on circuit: OriginCircuit) {
        let stream = circuit.openStream(target)
        self.stream = stream
        stream.onEvent = { [unowned self] in take($0) }
        stream.send(request)
    }

    private var target: StreamTarget {
        switch wish {
        case .directory: .directory
        case .echo: .host(Crew.serverHost, port: Crew.echoPort, flags: 0)
        case .download: .host(Crew.serverHost, port: Crew.downloadPort, flags: 0)
        case .slow: .host(Crew.serverHost, port: Crew.slowPort, flags: 0)
        case .refused: .host(Crew.serverHost, port: Crew.refusedPort, flags: 0)
        }
    }

    private var request: [UInt8] {
        switch wish {
        case .echo, .slow: Pattern.bytes(tag, from: 0, count: bytes)
        case .download, .directory: Crew.request(tag, bytes)
        case .refused: []
        }
    }

    private func take(_ event: OnionStream.Event) {
        switch event {
        case .data(let data):
            if data != Pattern.bytes(tag, from: heard, count: data.count) { isCorrupt = true }
            heard += data.count
            note("stream \(tag) hears \(data.count)")
            if wish == .echo || wish == .slow, isSatisfied { stream?.end(.done) }
        case .ended(let reason):
            end = reason
            note("stream \(tag) ended \(reason) with \(heard) of \(bytes)")
            stream = nil
        case .connected, .resolved: break
        }
    }
}

/// Whoever is at the other end of a simulated exit or directory stream.
final class Crew {
    static let serverHost = "192.0.2.1"
    static let echoPort: UInt16 = 7
    static let downloadPort: UInt16 = 80
    static let slowPort: UInt16 = 81
    static let refusedPort: UInt16 = 82
    private static let slowPause = Instant.Span.milliseconds(40)

    private let loop: EventLoop

    init(loop: EventLoop) { self.loop = loop }

    static func request(_ tag: UInt32, _ count: Int) -> [UInt8] {
        [tag, UInt32(count)].flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt32($0 * 8)) } }
    }

    static func answer(_ request: [UInt8]) -> [UInt8]? {
        guard request.count == 8 else { return nil }
        let words = (0..<2).map { word in (0..<4).reduce(UInt32(0)) { $0 | UInt32(request[word * 4 + $1]) << UInt32($1 * 8) } }
        return Pattern.bytes(words[0], from: 0, count: Int(words[1] & 0xF_FFFF))
    }

    func serve(_ fd: Int32, port: UInt16) {
        let connection = TCPConnection(loop: loop, fd: fd)
        switch port {
        case Self.echoPort: connection.onData = { [unowned connection] in connection.send($0) }
        case Self.downloadPort: answer(connection)
        default: crawl(connection)
        }
    }

    static func serve(_ stream: OnionStream) {
        var heard: [UInt8] = []
        stream.onEvent = { [unowned stream] in
            guard case .data(let bytes) = $0 else { return }
            heard += bytes
            guard let answer = answer(heard) else { return }
            stream.send(answer)
            stream.finish()
        }
    }

    private func answer(_ connection: TCPConnection) {
        var heard: [UInt8] = []
        connection.onData = { [unowned connection] in
            heard += $0
            guard let answer = Self.answer(heard) else { return }
            connection.send(answer)
            connection.finish()
        }
    }

    /// Reads one piece, then rests; at the end of the data it says the first bytes of it as a receipt.
    private func crawl(_ connection: TCPConnection) {
        var heard: [UInt8] = []
        connection.onData = { [unowned connection, loop] in
            heard += $0
            if heard.count >= Scenario.slowBytes { connection.send(Array(heard.prefix(StreamUse.receiptBytes))) }
            connection.pauseReading()
            loop.after(Self.slowPause) { [weak connection] in connection?.resumeReading() }
        }
    }
}
