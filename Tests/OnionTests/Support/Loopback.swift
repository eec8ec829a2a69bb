import Ambience
import Glibc
import Onion
import Sealing

/// Blocking loopback sockets with a deadline, enough to talk to another program.
struct LoopbackError: Error, CustomStringConvertible {
    let description: String
}

enum Loopback {
    static func address(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    static func listen() throws -> (fd: Int32, port: UInt16) {
        let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = address(0)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(fd, $0, size) == 0 && Glibc.listen(fd, 16) == 0 && getsockname(fd, $0, &size) == 0
            }
        }
        guard isBound else { throw LoopbackError(description: "cannot listen: \(errno)") }
        return (fd, UInt16(bigEndian: address.sin_port))
    }

    static func dial(_ port: UInt16) -> Int32? {
        let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = address(port)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        guard result == 0 else {
            close(fd)
            return nil
        }
        return fd
    }

    static func accept(_ fd: Int32, timeoutSeconds: Int32) -> Int32? {
        wait(fd, POLLIN, milliseconds: timeoutSeconds * 1000) ? Glibc.accept(fd, nil, nil) : nil
    }

    static func wait(_ fd: Int32, _ events: Int32, milliseconds: Int32) -> Bool {
        var poll = pollfd(fd: fd, events: Int16(events), revents: 0)
        return Glibc.poll(&poll, 1, milliseconds) == 1
    }
}

/// TLS over a loopback socket, blocking with a deadline for all of its life.
final class LoopbackTLS {
    let session: TLSSession
    private let fd: Int32
    private let deadline: Instant
    /// Bytes of cells that nobody has asked for yet.
    private var received: [UInt8] = []

    init(fd: Int32, context: TLSContext, isServer: Bool, lifeSeconds: Int64 = 120) throws {
        _ = fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK)
        self.fd = fd
        session = TLSSession(context: context, fd: fd, isServer: isServer, input: TLSInput())
        deadline = SystemTime().now + .seconds(lifeSeconds)
        while true {
            let progress = session.handshake()
            if progress == .done { return }
            try wait(for: progress)
        }
    }

    deinit { close(fd) }

    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let (count, progress) = bytes.withUnsafeBufferPointer { session.write($0.baseAddress! + sent, count: bytes.count - sent) }
            sent += count
            if count == 0 { try wait(for: progress) }
        }
        while case let progress = session.push(), progress != .done { try wait(for: progress) }
    }

    /// At least one byte.
    func receive() throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: TLSSession.readBytes)
        while true {
            let (count, progress) = session.read(into: &buffer, capacity: buffer.count)
            if count > 0 { return Array(buffer[..<count]) }
            try wait(for: progress)
        }
    }

    /// The next fixed-length cell, whole.
    func cell(after early: [UInt8] = []) throws -> [UInt8] {
        received += early
        while received.count < CellLayout.fixedBytes { received += try receive() }
        defer { received.removeFirst(CellLayout.fixedBytes) }
        return Array(received[..<CellLayout.fixedBytes])
    }

    private func wait(for progress: TLSSession.Progress) throws {
        let left = (deadline - SystemTime().now).inMilliseconds
        guard left > 0, progress == .wantsRead || progress == .wantsWrite,
            Loopback.wait(fd, progress == .wantsRead ? POLLIN : POLLOUT, milliseconds: Int32(clamping: left))
        else { throw LoopbackError(description: "TLS \(progress), \(left) ms before the deadline") }
    }

    /// Runs a whole link handshake.
    func shake(_ role: LinkHandshake.Role, context: TLSContext, peer: SocketAddress) throws -> (peer: LinkPeer, leftover: [UInt8]) {
        let time = SystemTime()
        var handshake = LinkHandshake(role: role, facts: facts(context, peer))
        let hello = handshake.start(now: time.wall)
        if !hello.isEmpty { try send(hello) }
        while true {
            let progress = try handshake.receive(try receive(), now: time.wall)
            if !progress.send.isEmpty { try send(progress.send) }
            if let established = progress.established { return (established, progress.leftover) }
        }
    }

    private func facts(_ context: TLSContext, _ peer: SocketAddress) -> LinkHandshake.Facts {
        LinkHandshake.Facts(
            ownTLSCertificate: context.certificate, peerTLSCertificate: session.peerCertificate, peerAddress: peer,
            ownAddresses: [.v4(0x7F00_0001)], exportKey: { self.session.exportKey(label: $0, context: $1, count: $2) },
            challenge: SecureRandom.bytes(32), nonce: SecureRandom.bytes(24))
    }
}
