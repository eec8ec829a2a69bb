package import Ambience
package import ControlProtocol
internal import Logging
package import Loops

/// The ControlPort: operators' programs (nyx, stem, Tor Browser) look at the node and steer it (control-spec.txt).
///
/// A command's way: bytes → `ControlLines` → `ControlSession` → `ControlHost`, which the node is → `ControlReply` → bytes.
/// What happens in the node comes as `tell`, and goes to the sessions that asked for it.
package final class ControlServer {
    /// Controllers at once. A further one takes the place of the one that has waited longest without authentication, or is closed.
    package static let sessionLimit = 64
    /// What controllers have asked for, or are told, and have not read. Beyond it the one that has most of it is closed.
    package static let unreadLimitBytes = 96 << 20

    let loop: EventLoop
    let version: String
    let log = Logger(label: "control")
    private(set) weak var host: (any ControlHost)?
    package var authentication: ControlAuthentication
    private let unreadLimitBytes: Int
    private var listeners: [StreamListener] = []
    /// In the order of arrival.
    private var sessions: [ControlSession] = []
    /// What at least one session wants.
    private var wanted: Set<ControlEvent> = []
    /// Called when `wanted` has changed.
    package var onInterest: (Set<ControlEvent>) -> Void = { _ in }

    /// - Parameter version: as PROTOCOLINFO tells it.
    package init(loop: EventLoop, version: String, authentication: ControlAuthentication, host: any ControlHost, unreadLimitBytes: Int = ControlServer.unreadLimitBytes) {
        self.loop = loop
        self.version = version
        self.authentication = authentication
        self.host = host
        self.unreadLimitBytes = unreadLimitBytes
    }

    /// Listens on an address; the one actually bound.
    @discardableResult
    package func listen(on address: SocketAddress) throws(FileError) -> SocketAddress {
        let listener = try StreamListener(loop: loop, address: address, kind: .control) { [weak self] in self?.accept($0) }
        listeners.append(listener)
        log.notice("Opened Control listener connection (ready) on \(listener.name)")
        return listener.address ?? address
    }

    /// Listens on a Unix socket, replacing what a dead process left there.
    package func listen(onPath path: String, isGroupWritable: Bool) throws(FileError) {
        listeners.append(try StreamListener(loop: loop, path: path, mode: isGroupWritable ? 0o660 : 0o600) { [weak self] in self?.accept($0) })
        log.notice("Opened Control listener connection (ready) on \(path)")
    }

    /// As `net/listeners/control` has it.
    package var listenerNames: [String] { listeners.map(\.name) }
    package var sessionCount: Int { sessions.count }

    package func stop() {
        for listener in listeners { listener.close() }
        listeners = []
        for session in sessions { session.close() }
    }

    // MARK: Events

    package func isWanted(_ event: ControlEvent) -> Bool { wanted.contains(event) }

    /// Tells all who asked; the text is made only if somebody did.
    package func tell(_ event: ControlEvent, _ text: @autoclosure () -> String) {
        guard wanted.contains(event) else { return }
        let text = text()
        send(event, ControlReply(650, text.isEmpty ? event.rawValue : "\(event.rawValue) \(text)"))
    }

    /// An event of several lines: the first, then one per element, then `OK`.
    package func tell(_ event: ControlEvent, lines: @autoclosure () -> [String]) {
        guard wanted.contains(event) else { return }
        var reply = ControlReply(650, event.rawValue)
        for line in lines() { reply.add(650, line) }
        reply.add(650, "OK")
        send(event, reply)
    }

    /// An event with a document.
    package func tell(_ event: ControlEvent, document: @autoclosure () -> String) {
        guard wanted.contains(event) else { return }
        var reply = ControlReply()
        reply.add(650, event.rawValue, data: document())
        reply.add(650, "OK")
        send(event, reply)
    }

    private func send(_ event: ControlEvent, _ reply: ControlReply) {
        let bytes = reply.bytes
        for session in sessions where session.events.contains(event) { session.send(bytes) }
    }

    // MARK: Sessions

    func makeRoom(for count: Int) {
        while sessions.reduce(count, { $0 + $1.unreadBytes }) > unreadLimitBytes, let slowest = sessions.max(by: { $0.unreadBytes < $1.unreadBytes }) {
            log.warning("A controller does not read what it asked for: closing its connection")
            slowest.close()
        }
    }

    private func accept(_ fd: Int32) {
        if sessions.count >= Self.sessionLimit { sessions.first { !$0.isAuthenticated }?.close() }
        guard sessions.count < Self.sessionLimit else { return Sockets.close(fd) }
        sessions.append(ControlSession(server: self, connection: TCPConnection(loop: loop, fd: fd)))
        log.info("New control connection opened")
    }

    func interestChanged() {
        let now = sessions.reduce(into: Set()) { $0.formUnion($1.events) }
        guard now != wanted else { return }
        wanted = now
        onInterest(now)
    }

    func ended(_ session: ControlSession) {
        guard let index = sessions.firstIndex(where: { $0 === session }) else { return }
        sessions.remove(at: index)
        interestChanged()
        if session.isOwner { host?.ownerLeft() }
    }
}
