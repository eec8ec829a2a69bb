internal import Ambience
internal import CMachine
internal import Glibc

/// The kernel's own file systems, and the one that the mote writes to: memory, all of them.
enum FileSystems {
    /// What the mote may write in all, in bytes: keys, documents of the directory, its state.
    private static let moteOptions = "size=96m,mode=0755"

    static func mount() throws(CradleFailure) {
        try mount("proc", "/proc", dc_mount_quiet, "hidepid=invisible")
        try mount("sysfs", "/sys", dc_mount_quiet)
        try mount("devtmpfs", "/dev", dc_mount_devices, "size=64k")
        try mount("tmpfs", "/run", dc_mount_quiet, moteOptions)
    }

    private static func mount(_ type: String, _ target: String, _ flags: UInt, _ options: String = "") throws(CradleFailure) {
        mkdir(target, 0o755)
        guard dc_mount(type, target, flags, options) == 0 else { throw CradleFailure("cannot mount \(type) at \(target)", errno) }
    }
}
