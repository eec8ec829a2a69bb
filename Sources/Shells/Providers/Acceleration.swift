internal import Ambience
internal import Glibc

/// Whether this machine's processor runs virtual machines itself. That a device for it is there proves little, above all inside a virtual machine;
/// so one is booted.
package enum Acceleration {
    private static let device = "/dev/kvm"
    /// An image that gets no order switches its machine off at once, which takes a second or two where the processor helps.
    private static let patienceMilliseconds = 6000
    private static let pauseMilliseconds: UInt32 = 20

    /// Takes up to six seconds. `folder` is for QEMU's log.
    package static func works(image folder: String, log: String) throws(ProviderError) -> Bool {
        guard access(device, R_OK | W_OK) == 0 else { return false }
        let image = try MachineImage(folder)
        var settings = LaunchSettings()
        settings.isPowerless = true
        let pid = try ChildProcess.detach(program: HostProgram.qemu.path(), arguments: Machine.trial(image), log: log, settings: settings)
        return hasEnded(pid)
    }

    /// False, and the process is gone, if it does not end well in time.
    private static func hasEnded(_ pid: Int32) -> Bool {
        var status: Int32 = 0
        for _ in 0..<patienceMilliseconds / Int(pauseMilliseconds) {
            let found = waitpid(pid, &status, WNOHANG)
            if found != 0 { return found == pid && status == 0 }
            usleep(pauseMilliseconds * 1000)
        }
        kill(pid, SIGKILL)
        waitpid(pid, &status, 0)
        return false
    }
}
