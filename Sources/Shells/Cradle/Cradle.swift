internal import Ambience
internal import CLinux
internal import CMachine
internal import Enrolment
internal import Glibc
internal import Sealing

/// What `mote` does where it is the first and only program of a machine.
///
/// 1. `raise` makes the kernel's file systems visible and loads the modules that lie in the image, in the order of their list.
/// 2. It reads the machine's order, and refuses a clock that cannot be right and a kernel without randomness.
/// 3. It brings the network up as the order says, and closes what nothing needs any more.
/// 4. It forks once. The child gives up its rights and returns from `raise` with a command line: it is the mote.
/// 5. The parent waits, no longer than the order allows by either clock, and powers the machine off. Whatever goes wrong ends there too.
package enum Cradle {
    /// Whether this process is a machine's first, started by the kernel as the image's `/init`; a container's first is not.
    package static var isHere: Bool { getpid() == 1 && dc_is_started_as("/init") != 0 }

    /// Returns in the mote only; the first process never leaves it.
    package static func raise() -> [String] {
        do throws(CradleFailure) {
            try FileSystems.mount()
            KernelModules.load()
            var text = try OrderFile.read()
            defer { text.wipe() }
            let order = try OrderFile.parse(text)
            let end = try MachineEnd(order.expires)
            Console.say("this machine ends at \(order.expires) UTC")
            try Randomness.await()
            try NetworkSetup(order.network).bringUp()
            let arguments = try MoteFiles.write(order, text)
            try Lockdown.apply()
            return try part(arguments, end)
        } catch {
            Console.say("\(error.reason). Powering off")
            powerOff()
        }
    }

    /// The child's way back into the program; the parent's way to the end.
    private static func part(_ arguments: [String], _ end: MachineEnd) throws(CradleFailure) -> [String] {
        let keeper = Keeper(end)
        let child = dc_fork()
        guard child >= 0 else { throw CradleFailure("cannot fork", errno) }
        guard child == 0 else {
            Console.say(keeper.wait(for: child))
            powerOff()
        }
        do throws(CradleFailure) {
            try keeper.release()
            try Lockdown.giveUpRights()
            return arguments
        } catch {
            Console.say("\(error.reason)")
            exit(71)
        }
    }

    private static func powerOff() -> Never {
        dc_power_off()
        // A machine that cannot be switched off is made to panic by the end of its first process, and restarts or halts.
        exit(1)
    }
}
