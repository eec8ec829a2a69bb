internal import Ambience
internal import CLinux
internal import CMachine
internal import Glibc

/// The kernel's modules that the image holds: what a machine's network and firmware need.
enum KernelModules {
    private static let folder = "/lib/modules"

    /// Loads them in the order of their list, which has those first that others need, and forgets their files.
    ///
    /// One that will not load is said and left out: if the machine needs it, there will be no network, and that ends the machine.
    static func load() {
        guard let list = try? Files.readText("\(folder)/list") else { return Console.say("the image has no modules") }
        for name in list.split(separator: "\n") {
            let path = "\(folder)/\(name)"
            let code = load(path)
            if code != 0, code != ENODEV, code != EEXIST { Console.say("\(name) was not loaded: \(String(cString: strerror(code)))") }
            unlink(path)
        }
    }

    /// 0, or `errno`. ENODEV is a device that this machine does not have.
    private static func load(_ path: String) -> Int32 {
        let fd = dc_open(path, O_RDONLY, 0)
        guard fd >= 0 else { return errno }
        defer { close(fd) }
        return dc_load_module(fd) == 0 ? 0 : errno
    }
}
