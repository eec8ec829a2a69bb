internal import Ambience
internal import Logging
internal import Loops
internal import Torrc
internal import Transports

/// One transport proxy that we start, listen to, start again when it ends, and end with us.
final class ManagedProxy {
    private let loop: EventLoop
    private let plugin: TransportPlugin
    private let environment: () -> ServerProxyEnvironment
    private let log = Logger(label: "transports")
    private var child: Subprocess?
    private var dialogue: ProxyDialogue
    private var pause = RestartPause()
    private var started = Instant.zero
    private var isStopped = false
    private(set) var transports: [ServerTransport] = []
    /// What the proxy says of itself: words of the `transport-info` line.
    private(set) var program: (version: String, implementation: String)?

    /// The proxy serves everything that it will serve.
    var onReady: () -> Void = {}

    /// - Parameter environment: asked at every start, for ports may have changed.
    init(loop: EventLoop, plugin: TransportPlugin, environment: @escaping () -> ServerProxyEnvironment) {
        self.loop = loop
        self.plugin = plugin
        self.environment = environment
        dialogue = ProxyDialogue(transports: plugin.transports)
    }

    func start() {
        guard !isStopped, child == nil else { return }
        dialogue = ProxyDialogue(transports: plugin.transports)
        transports = []
        started = loop.now
        do throws(FileError) {
            let child = try Subprocess(loop: loop, program: plugin.program, arguments: plugin.arguments, variables: environment().variables)
            child.onOutput = { [weak self] in self?.heard($0) }
            child.onErrorOutput = { [weak self] in self?.grumbled($0) }
            child.onEnd = { [weak self] in self?.ended($0) }
            self.child = child
        } catch {
            log.warning("Cannot start the transport proxy: \(error)")
            startAgainLater()
        }
    }

    /// Ends the proxy for good.
    func stop() {
        isStopped = true
        child?.terminate()
    }

    private func heard(_ bytes: [UInt8]) {
        for event in dialogue.receive(bytes) {
            switch event {
            case .serving(let transport): transports.append(transport)
            case .refused(let reason): log.warning("Transport proxy \(plugin.program) cannot serve a transport: \(reason)")
            case .ready: onReady()
            case .program(let version, let implementation): program = (version, implementation)
            case .log(let severity, let text): log.log(level: severity.level, "Transport proxy \(plugin.program): \(text)")
            case .failed(let reason):
                log.warning("Transport proxy \(plugin.program) cannot be used: \(reason)")
                child?.terminate()
            }
        }
    }

    /// What a proxy writes to its standard error is for its developers.
    private func grumbled(_ bytes: [UInt8]) { log.debug("Transport proxy \(plugin.program) complains in \(bytes.count) bytes") }

    private func ended(_ end: Subprocess.End) {
        child = nil
        guard !isStopped else { return }
        switch end {
        case .exited(let status): log.warning("Transport proxy \(plugin.program) ended with status \(status)")
        case .killed(let signal): log.warning("Transport proxy \(plugin.program) was killed by signal \(signal)")
        }
        startAgainLater()
    }

    private func startAgainLater() {
        let span = pause.after(life: loop.now - started)
        log.notice("Starting transport proxy \(plugin.program) again in \(span.inMilliseconds / 1000) seconds")
        loop.after(span) { [weak self] in self?.start() }
    }
}

extension ProxyMessage.Severity {
    fileprivate var level: Logger.Level {
        switch self {
        case .error: .error
        case .warning: .warning
        case .notice: .notice
        case .info: .info
        case .debug: .debug
        }
    }
}
