internal import Ambience
internal import Loops
internal import Onion
internal import Relaying

/// What carries one request and its answer.
protocol DirectoryTransport: AnyObject {
    func send(_ bytes: [UInt8])
    /// Closes once everything is sent.
    func finish()
    /// Closes at once.
    func abandon()
}

extension TCPConnection: DirectoryTransport {
    func abandon() { abort() }
}

extension OnionStream: DirectoryTransport {
    func abandon() { end(.misc) }
}

/// The server's side of one connection: one request in, one answer out.
///
/// A peer that sends slowly, or does not read the answer, is dropped when its time is up, and one that sends slowly sooner if others find no room.
final class DirectorySession {
    private let loop: EventLoop
    private let time: any TimeSource
    private let server: DirectoryServer
    private let settings: DirectoryPort.Settings
    private let peer: DirectoryServer.Peer
    private let transport: any DirectoryTransport
    private var parser: HTTPRequestParser
    private var timer: Timer?
    /// The request is here, and its answer is under way.
    private var isAsked = false
    private var isForConsensus = false
    /// When a consensus began to be sent, and how long the answer is.
    private var download: (since: Instant, bytes: Int)?
    private var hasAnswered = false
    /// Of the request, as long as it may be in memory: until it is answered, though the connection be gone.
    private var heldBytes = 0
    private var isOver = false
    let began: Instant
    /// Others wait for memory.
    private let makeRoom: () -> Bool
    /// Called once, when the session no longer matters.
    private var onOver: (() -> Void)?

    init(
        loop: EventLoop, time: any TimeSource, server: DirectoryServer, settings: DirectoryPort.Settings, peer: DirectoryServer.Peer,
        transport: any DirectoryTransport, makeRoom: @escaping () -> Bool, onOver: @escaping () -> Void
    ) {
        self.loop = loop
        self.time = time
        self.server = server
        self.settings = settings
        self.peer = peer
        self.transport = transport
        (self.makeRoom, self.onOver, began) = (makeRoom, onOver, loop.now)
        parser = HTTPRequestParser(limits: server.requestLimits, bodyLimit: server.bodyLimit)
        arm(settings.requestTimeout)
    }

    func receive(_ bytes: [UInt8]) {
        guard !hasAnswered, !isAsked else { return }
        server.statistics.trafficRead &+= UInt64(bytes.count)
        while !server.hold(bytes.count) { guard makeRoom(), !isOver else { return refuse() } }
        heldBytes += bytes.count
        do throws(HTTPError) {
            guard let request = try parser.receive(bytes) else { return }
            isAsked = true
            isForConsensus = request.method == .get && request.path.hasPrefix(DirectoryServer.consensusPath)
            server.respond(to: request, from: peer, now: time.wall) { self.answer($0) }
        } catch {
            answer(.badRequest())
        }
    }

    /// Its request is not all here.
    var isReceiving: Bool { !isAsked && !hasAnswered && !isOver }

    /// The peer will send nothing more; it may still read.
    func peerFinished() { if !isAsked, !hasAnswered { drop() } }

    /// The connection is gone.
    func closed() {
        isOver = true
        if !isAsked { release() }
        settleDownload(isComplete: true)
        timer?.cancel()
        timer = nil
        let handler = onOver
        onOver = nil
        handler?()
    }

    /// Answers without waiting for the request.
    func refuse() { answer(.busy) }

    private func answer(_ response: HTTPResponse) {
        guard !hasAnswered else { return }
        hasAnswered = true
        release()
        guard !isOver else { return }
        arm(settings.answerTimeout)
        let head = response.encodedHead
        note(response, bytes: head.count + response.body.count)
        // Apart, so that all who get the same document share its bytes.
        transport.send(head)
        transport.send(response.body)
        transport.finish()
    }

    /// Whoever reads the answer slowly does not keep the request in memory.
    private func release() {
        parser = HTTPRequestParser(limits: server.requestLimits)
        server.release(heldBytes)
        heldBytes = 0
    }

    private func arm(_ span: Instant.Span) {
        timer?.cancel()
        timer = loop.after(span) { [weak self] in self?.drop() }
    }

    private func note(_ response: HTTPResponse, bytes: Int) {
        server.statistics.trafficWritten &+= UInt64(bytes)
        guard isForConsensus else { return }
        server.onConsensus(.answered(status: response.status, isUnsigned: response.reason == DirectoryServer.unsignedReason), peer)
        if response.status == 200 { download = (time.now, bytes) }
    }

    private func settleDownload(isComplete: Bool) {
        guard let (since, bytes) = download else { return }
        download = nil
        server.onConsensus(isComplete ? .delivered(bytes: bytes, milliseconds: (time.now - since).inMilliseconds) : .abandoned, peer)
    }

    func drop() {
        settleDownload(isComplete: false)
        transport.abandon()
        closed()
    }
}
