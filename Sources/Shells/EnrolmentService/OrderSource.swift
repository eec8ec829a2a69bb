package import Ambience
package import Enrolment
internal import Glibc
internal import Sealing

/// Where a mote finds its order.
package enum OrderSource: Equatable, Sendable {
    /// QEMU's configuration device, as the kernel's module `qemu_fw_cfg` shows it.
    case firmware
    case file(String)

    package static let firmwarePath = "/sys/firmware/qemu_fw_cfg/by_name/opt/dustcloud/order/raw"

    /// `fw_cfg`, or a path.
    package init(_ text: String) { self = text == "fw_cfg" ? .firmware : .file(text) }

    package var path: String {
        switch self {
        case .firmware: Self.firmwarePath
        case .file(let path): path
        }
    }

    package func read() throws -> EnrolmentOrder {
        var text = try Files.read(path)
        defer { text.wipe() }
        return try EnrolmentOrder(text: text)
    }

    /// Overwrites and removes a file whose secret is used up. What firmware holds cannot be wiped, and is worth nothing any more.
    package func wipe() throws(FileError) {
        guard case .file(let path) = self else { return }
        var facts = stat()
        guard lstat(path, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else { return }
        // In place: a replaced file would leave the old blocks as they are.
        let fd = open(path, O_WRONLY | O_CLOEXEC)
        if fd >= 0 {
            let zeros = [UInt8](repeating: 0, count: min(Int(facts.st_size), EnrolmentOrder.textLimitBytes))
            _ = write(fd, zeros, zeros.count)
            fsync(fd)
            close(fd)
        }
        try Files.remove(path)
    }
}
