internal import Ambience
internal import CLinux
internal import Glibc

/// Asks the authority's directory port who is in the current consensus, as any tor would (dir-spec.txt 6.1).
package enum ConsensusProbe {
    private static let answerLimitBytes = 8 << 20
    private static let patienceSeconds = 2

    /// Nicknames of the relays that the current consensus calls running; `nil` when nobody answered with one.
    /// Asks from the yard if one is given.
    package static func nicknames(address: String = NetworkPlan.loopback, directoryPort: UInt16, from yard: Yard? = nil) -> Set<String>? {
        fetch("/tor/status-vote/current/consensus", "\(address):\(directoryPort)", yard).flatMap(parse)
    }

    /// The descriptors of all relays that the authority has, one after the other; `nil` when it does not answer with them.
    package static func descriptors(_ network: NetworkPlan, from yard: Yard? = nil) -> String? {
        guard let answer = fetch("/tor/server/all", "\(network.address):\(network.authorityDirPort)", yard), answer.hasPrefix("HTTP/1."),
            answer.split(separator: " ", maxSplits: 2).dropFirst().first == "200"
        else { return nil }
        let parts = answer.split(separator: "\r\n\r\n", maxSplits: 1)
        return parts.count == 2 ? String(parts[1]) : ""
    }

    /// Reads `r` lines whose `s` line has Running out of an HTTP answer.
    package static func parse(_ answer: String) -> Set<String>? {
        guard answer.hasPrefix("HTTP/1."), let status = answer.split(separator: " ", maxSplits: 2).dropFirst().first, status == "200" else { return nil }
        var names: Set<String> = []
        var current: Substring?
        for line in answer.split(separator: "\n") {
            if line.hasPrefix("r ") { current = line.split(separator: " ").dropFirst().first }
            if line.hasPrefix("s "), line.split(separator: " ").contains("Running"), let name = current { names.insert(String(name)) }
        }
        return names
    }

    private static func fetch(_ path: String, _ server: String, _ yard: Yard?) -> String? {
        guard let server = SocketAddress(server), case .v4(let ip) = server.ip else { return nil }
        let fd = yard.map { $0.openStream() } ?? socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard fd >= 0 else { return nil }
        defer { close(fd) }
        return ask(path, by: fd, of: SocketName.v4(ip, port: server.port))
    }

    private static func ask(_ path: String, by fd: Int32, of server: sockaddr_in) -> String? {
        var patience = timeval(tv_sec: patienceSeconds, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] { setsockopt(fd, SOL_SOCKET, option, &patience, socklen_t(MemoryLayout<timeval>.size)) }
        var name = server
        let isConnected = withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0 }
        }
        let request = Array("GET \(path) HTTP/1.0\r\nAccept-Encoding: identity\r\n\r\n".utf8)
        guard isConnected, send(fd, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else { return nil }
        return readAll(fd)
    }

    private static func readAll(_ fd: Int32) -> String? {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while bytes.count < answerLimitBytes {
            let count = recv(fd, &chunk, chunk.count, 0)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return nil }
            guard count > 0 else { break }
            bytes.append(contentsOf: chunk[..<count])
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
