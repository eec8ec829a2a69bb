internal import Ambience
internal import Glibc
internal import Links
internal import Loops
internal import Sealing

/// Connections to the outside: straight, or through a SOCKS 5 proxy that finds names itself (RFC 1928, 1929).
final class Dialling {
    enum Target: Hashable {
        case address(IPAddress)
        case name(String)
    }

    static let patience = Instant.Span.seconds(Int64(60))

    let loop: EventLoop
    let memory = Link.Memory()
    let proxy: SocketAddress?

    init(loop: EventLoop, proxy: SocketAddress?) { (self.loop, self.proxy) = (loop, proxy) }

    /// - Parameters:
    ///   - isStraight: past the proxy, to something of this machine or beside it.
    ///   - done: the connection, or `nil`.
    func dial(_ target: Target, port: UInt16, isStraight: Bool = false, done: @escaping (Link?) -> Void) {
        guard let proxy, !isStraight else {
            guard case .address(let ip) = target else { return loop.soon { done(nil) } }
            return connect(SocketAddress(ip: ip, port: port)) { done($0) }
        }
        connect(proxy) { [weak self] link in
            guard let self, let link else { return done(nil) }
            ProxyTalk(loop, link, target, port).run(done)
        }
    }

    private func connect(_ address: SocketAddress, _ done: @escaping (Link?) -> Void) {
        SocketDialer.dial(loop: loop, address, timeout: Self.patience) { [weak self] result in
            guard let self else {
                if case .success(let fd) = result { Sockets.close(fd) }
                return done(nil)
            }
            switch result {
            case .success(let fd): done(Link(loop: loop, fd: fd, memory: memory))
            case .failure: done(nil)
            }
        }
    }
}

/// Asks a proxy for one connection, with a name and password of its own, which keep it apart from all others (tor's IsolateSOCKSAuth).
private final class ProxyTalk {
    private static let answerLimitBytes = 512

    private let loop: EventLoop
    private let link: Link
    private let request: [UInt8]
    private var answer: [UInt8] = []
    private var step = 0
    private var timer: Loops.Timer?
    private var done: ((Link?) -> Void)?

    init(_ loop: EventLoop, _ link: Link, _ target: Dialling.Target, _ port: UInt16) {
        (self.loop, self.link) = (loop, link)
        let place: [UInt8] = switch target {
        case .address(let ip): [ip.isIPv4 ? 1 : 4] + ip.bytes
        case .name(let name): [3, UInt8(min(255, name.utf8.count))] + name.utf8.prefix(255)
        }
        request = [5, 1, 0] + place + [UInt8(port >> 8), UInt8(port & 255)]
    }

    func run(_ done: @escaping (Link?) -> Void) {
        self.done = done
        // The link keeps the talk, and the talk the link, until it is over.
        link.onBytes = { self.received($0) }
        link.onEnd = { self.finish(nil) }
        timer = loop.after(Dialling.patience) { self.finish(nil) }
        link.send([5, 1, 2])
    }

    private func received(_ bytes: [UInt8]) {
        answer += bytes
        guard answer.count <= Self.answerLimitBytes else { return finish(nil) }
        while done != nil, let need = need, answer.count >= need {
            let part = Array(answer.prefix(need))
            answer.removeFirst(need)
            advance(part)
        }
    }

    /// Bytes of the answer that is due; of the last one as much as is known of its length.
    private var need: Int? {
        switch step {
        case 0, 1: return 2
        default:
            guard answer.count >= 5 else { return 5 }
            switch answer[3] {
            case 1: return 10
            case 4: return 22
            case 3: return 7 + Int(answer[4])
            default: return 5
            }
        }
    }

    private func advance(_ part: [UInt8]) {
        switch step {
        case 0 where part == [5, 2]:
            let word = SecureRandom.bytes(8).map { 0x61 + $0 % 26 }
            link.send([1, 8] + word + [8] + word)
        case 1 where part[1] == 0: link.send(request)
        case 2 where part[1] == 0 && part.count > 5: return finish(link)
        default: return finish(nil)
        }
        step += 1
    }

    private func finish(_ result: Link?) {
        guard let done else { return }
        self.done = nil
        timer?.cancel()
        (link.onBytes, link.onEnd) = (nil, nil)
        if result == nil { link.close() }
        let rest = answer
        done(result)
        // A server may have spoken first.
        if !rest.isEmpty, let result { loop.soon { result.onBytes?(rest) } }
    }
}
