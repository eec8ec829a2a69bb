internal import Ambience
internal import CLinux
internal import Glibc
internal import Loops

/// Tells a service manager how the node is, over the socket that `NOTIFY_SOCKET` names (sd_notify(3)), and strokes its watchdog.
final class ServiceManager {
    private let path: String?
    private var watchdog: Timer?

    init() {
        path = getenv("NOTIFY_SOCKET").map { String(cString: $0) }
        // Children of ours are none of the manager's business.
        unsetenv("NOTIFY_SOCKET")
    }

    func ready(_ loop: EventLoop) {
        tell("READY=1\nMAINPID=\(getpid())")
        guard let interval = getenv("WATCHDOG_USEC").flatMap({ Int64(String(cString: $0)) }), interval > 0, interval < Int64.max / 1000 else { return }
        if let other = getenv("WATCHDOG_PID").flatMap({ Int32(String(cString: $0)) }), other != getpid() { return }
        watchdog = loop.every(.milliseconds(max(1, interval / 2000))) { [weak self] in self?.tell("WATCHDOG=1") }
    }

    func reloading() { tell("RELOADING=1") }
    func reloaded() { tell("READY=1") }

    func stopping() {
        watchdog?.cancel()
        tell("STOPPING=1")
    }

    /// A manager that does not listen is no reason to stop.
    private func tell(_ state: String) {
        guard let path, path.hasPrefix("/") || path.hasPrefix("@") else { return }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return }
        if bytes[0] == UInt8(ascii: "@") { bytes[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let length = socklen_t(MemoryLayout<sockaddr_un>.size - MemoryLayout.size(ofValue: address.sun_path) + bytes.count)
        let fd = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        guard fd >= 0 else { return }
        defer { close(fd) }
        let message = Array(state.utf8)
        // SAFETY: the pointers are used only for this call.
        _ = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { sendto(fd, message, message.count, Int32(MSG_NOSIGNAL), $0, length) }
        }
    }
}
