internal import CLinux
internal import Glibc
package import Torrc

/// What the torrc asks of the process itself: a daemon, another user, no debugger, no programs, a sandbox.
///
/// Made before anything else is opened; the node then says when its ports stand (`settle`), and no right is left that it does not need.
package final class Surroundings {
    private let configuration: NodeConfiguration
    private var daemon: Daemon?
    private let privileges: Privileges?

    package init(_ configuration: NodeConfiguration) throws(NodeFailure) {
        self.configuration = configuration
        let options = configuration.operating
        Self.unblockSignals()
        if !options.isDebuggingForbidden { _ = dc_allow_debuggers() }
        privileges = try options.user.map { name throws(NodeFailure) in
            try Privileges(user: name, keepsBinding: options.keepsBindCapabilities == .yes)
        }
        daemon = options.runsAsDaemon ? try Daemon() : nil
        try privileges?.lower()
    }

    /// Whoever started us may have blocked signals that we live by, and a mask is inherited.
    private static func unblockSignals() {
        var none = sigset_t()
        sigemptyset(&none)
        sigprocmask(SIG_SETMASK, &none, nil)
    }

    /// Binds ports with the rights of whoever started the node.
    func bind<T>(_ body: () throws(NodeFailure) -> T) throws(NodeFailure) -> T {
        guard let privileges else { return try body() }
        return try privileges.raised(body)
    }

    /// The ports stand: rights that are not needed any more go, and a daemon's command returns.
    func settle() throws(NodeFailure) {
        try privileges?.drop()
        if configuration.bridge.isExecutionForbidden { try Sandbox.forbidPrograms() }
        if configuration.operating.isSandboxed { try Sandbox.enter() }
        daemon.take()?.settle()
    }
}
