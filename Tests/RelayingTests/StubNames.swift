import Ambience
import Glibc
import Synchronization

/// A name server on loopback: names that begin with `localhost` are 127.0.0.1, those with `silent` are not answered, others do not exist.
final class StubNames: Sendable {
    /// A file to read name servers from.
    let resolvConf: String
    private let fd: Int32
    private let asked = Mutex<[String]>([])

    init() throws {
        let fd = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(fd, $0, length) | getsockname(fd, $0, &length) }
        }
        self.fd = fd
        resolvConf = "/tmp/stub-names-\(getpid())-\(fd)"
        try Files.replace(resolvConf, with: "nameserver 127.0.0.1:\(UInt16(bigEndian: address.sin_port))\n")
        // The thread owns itself: it ends with the socket, or with the tests.
        var thread = pthread_t()
        pthread_create(&thread, nil, { context in
            Unmanaged<StubNames>.fromOpaque(context!).takeRetainedValue().serve()
            return nil
        }, Unmanaged.passRetained(self).toOpaque())
        pthread_detach(thread)
    }

    /// How often a name was asked for.
    func count(_ name: String) -> Int { asked.withLock { $0.count { $0 == name } } }

    func close() {
        shutdown(fd, Int32(SHUT_RDWR))
        try? Files.remove(resolvConf)
    }

    private func serve() {
        var query = [UInt8](repeating: 0, count: 512)
        while true {
            var peer = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            let count = withUnsafeMutablePointer(to: &peer) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { recvfrom(fd, &query, 512, 0, $0, &length) } }
            guard count > 12 else { break }
            guard let answer = answer(Array(query[..<count])) else { continue }
            _ = withUnsafePointer(to: &peer) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { sendto(fd, answer, answer.count, 0, $0, length) } }
        }
        Glibc.close(fd)
    }

    private func answer(_ query: [UInt8]) -> [UInt8]? {
        var labels: [String] = []
        var at = 12
        while query[at] != 0 {
            labels.append(String(decoding: query[at + 1...at + Int(query[at])], as: UTF8.self).lowercased())
            at += 1 + Int(query[at])
        }
        let name = labels.joined(separator: ".")
        asked.withLock { $0.append(name) }
        guard !name.hasPrefix("silent") else { return nil }
        let isKnown = name.hasPrefix("localhost") && query[at + 2] == 1
        let record: [UInt8] = isKnown ? [0xC0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 127, 0, 0, 1] : []
        return query[..<2] + [0x85, isKnown ? 0x80 : 0x83, 0, 1, 0, isKnown ? 1 : 0, 0, 0, 0, 0] + query[12..<(at + 5)] + record
    }
}
