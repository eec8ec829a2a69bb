internal import CLinux
internal import Glibc

/// Whether this machine can be host to virtual machines and their network, asked before anything is made.
package enum MachineHost {
    /// - Throws: the first thing that is missing, and what to do about it.
    package static func check() throws(ProviderError) {
        for program in HostProgram.allCases { _ = try program.path() }
        try checkTunnel()
        try checkNamespaces()
    }

    private static func checkTunnel() throws(ProviderError) {
        guard access("/dev/net/tun", R_OK | W_OK) != 0 else { return }
        throw ProviderError("/dev/net/tun cannot be opened (\(String(cString: strerror(errno)))): load the kernel's module tun, or pass the device into this container")
    }

    private static func checkNamespaces() throws(ProviderError) {
        var settings = LaunchSettings()
        (settings.makesSpaces, settings.isPowerless) = (true, true)
        do throws(ProviderError) {
            let pid = try settings.launch(HostProgram.sleep.path(), ["sleep", "0"], ownSession: false)
            while waitpid(pid, nil, 0) < 0, errno == EINTR {}
        } catch {
            throw ProviderError(
                "this system lets nobody make user namespaces (\(error)); allow it: sysctl kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000, and on Ubuntu "
                    + "kernel.apparmor_restrict_unprivileged_userns=0; in a container, run it with permission to unshare")
        }
    }
}
