import Ambience
import Glibc
import Loops
import Testing

@testable import Relaying

@Suite("Without file descriptors")
struct DescriptorTests {
    @Test("A listener without descriptors for those who wait neither spins nor dies, and goes on when there are some")
    func exhaustion() async {
        // In a process of its own, since the limit is the process's.
        await #expect(processExitsWith: .success) {
            let loop = EventLoop()
            var accepted: [Int32] = []
            let listener = try TCPListener(loop: loop, address: SocketAddress("127.0.0.1:0")!) { fd, _ in accepted.append(fd) }
            let callers = try (0..<8).map { _ in try Sockets.dial(listener.address) }
            // Room for three of the eight.
            let highest = UInt(callers.max()!)
            var limit = rlimit(rlim_cur: highest + 4, rlim_max: highest + 100)
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            let deadline = loop.now + .milliseconds(500)
            let ticker = loop.every(.milliseconds(50)) {}
            var turns = 0
            while loop.now < deadline {
                loop.turn(wait: true)
                turns += 1
            }
            precondition(accepted.count == 3 && turns < 30, "\(accepted.count) accepted in \(turns) turns")
            limit.rlim_cur = highest + 100
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            while accepted.count < 8 { loop.turn(wait: true) }
            ticker.cancel()
            _exit(EXIT_SUCCESS)
        }
    }
}
