internal import CLinux
internal import Glibc

/// One mote's virtual machine: how QEMU is told to run it.
struct Machine {
    static let namePrefix = "mote-vm:"
    /// What QEMU may write to the console's file.
    private static let consoleLimitBytes: UInt64 = 1 << 20
    /// QEMU's own memory besides the machine's: its libraries, stacks and translated code. Most of it is never touched.
    private static let ownAddressSpaceMegabytes: UInt64 = 2048
    private static let translationMegabytes = 64
    private static let orderName = "opt/dustcloud/order"

    let folder: String
    let image: MachineImage
    let number: YardNumber
    let settings: MachineSettings

    static func name(_ folder: String) -> String { namePrefix + folder }

    /// Starts it. `tap` is its link, `order` a file in memory; neither is ours any more afterwards, but the caller closes its own descriptors.
    func start(in spaces: Namespaces, tap: Int32, order: Int32) throws(ProviderError) -> Int32 {
        var launch = LaunchSettings()
        (launch.folder, launch.spaces, launch.isPowerless) = (folder, spaces, true)
        launch.given = [tap, order]
        launch.fileBytes = Self.consoleLimitBytes
        launch.addressSpaceBytes = (UInt64(settings.memoryMegabytes) + Self.ownAddressSpaceMegabytes) << 20
        return try ChildProcess.detach(program: HostProgram.qemu.path(), arguments: arguments, log: "\(folder)/log", settings: launch)
    }

    /// The order comes by a descriptor, so that it is in no command line and in no file.
    private var arguments: [String] {
        Self.common(Self.name(folder), image, isAccelerated: settings.isAccelerated) + [
            "-m", "\(settings.memoryMegabytes)",
            "-netdev", "tap,id=net,fd=3,vhost=off", "-device", "virtio-net-pci,romfile=,netdev=net,mac=\(hardwareAddress)", "-device", "virtio-rng-pci",
            "-fw_cfg", "name=\(Self.orderName),file=/proc/self/fd/4", "-chardev", "file,id=console,path=console,append=on", "-serial", "chardev:console",
            "-qmp", "unix:\(MonitorLine.socketName),server=on,wait=off",
        ]
    }

    /// A machine without an order or anything else, which therefore switches itself off.
    static func trial(_ image: MachineImage) -> [String] {
        common("dustcloud-trial", image, isAccelerated: true) + ["-m", "\(MachineSettings.usualMemoryMegabytes)"]
    }

    /// Nothing that is not named here: no disk, no display, no settings of the user's.
    private static func common(_ name: String, _ image: MachineImage, isAccelerated: Bool) -> [String] {
        [
            name, "-name", "mote", "-no-user-config", "-nodefaults", "-display", "none", "-no-reboot",
            "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
            "-machine", "pc,hpet=off,vmport=off", "-cpu", "max", "-smp", "1", "-accel", isAccelerated ? "kvm" : "tcg,tb-size=\(translationMegabytes)",
            "-kernel", image.kernel, "-initrd", image.initramfs, "-append", image.commandLine,
        ]
    }

    private var hardwareAddress: String {
        number.hardwareAddress.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined(separator: ":")
    }
}

/// A file that lies in no folder and is gone with the last who holds it.
struct MemoryFile: ~Copyable {
    let fd: Int32

    init(_ bytes: [UInt8]) throws(ProviderError) {
        fd = dc_memory_file("order")
        guard fd >= 0, write(fd, bytes, bytes.count) == bytes.count else {
            let code = errno
            if fd >= 0 { close(fd) }
            throw ProviderError("no memory for an order: \(String(cString: strerror(code)))")
        }
    }

    deinit { close(fd) }
}
