internal import Ambience
internal import Logging
internal import Loops
internal import Relaying
internal import Torrc
internal import Transports

/// Everything by which a bridge is reached through pluggable transports: the extended ORPort and the proxies in front of it.
final class ServerTransports {
    private let log = Logger(label: "transports")
    private let state: StateFile
    private let ownAddresses: [IPAddress]
    private let fingerprint: String
    private var port: ExtORPort?
    /// Where the extended ORPort listens, if there is one.
    let extendedAddress: SocketAddress?
    private var proxies: [ManagedProxy] = []

    /// The transports, and so the extra-info document, are different.
    var onChange: () -> Void = {}

    /// A proxy has begun to listen for a transport.
    var onLaunch: (ServerTransport) -> Void = { _ in }

    /// Opens the extended ORPort and starts the proxies.
    ///
    /// - Parameter orPort: where a proxy on this machine reaches our ORPort.
    init(
        loop: EventLoop, router: OnionRouter, options: BridgeOptions, directory: DataDirectory, orPort: SocketAddress, ownAddresses: [IPAddress], fingerprint: String,
        outbound: [IPAddress]
    ) throws(NodeFailure) {
        state = StateFile(path: directory.file("state"))
        self.ownAddresses = ownAddresses
        self.fingerprint = fingerprint
        let cookieFile = options.extORPortCookieFile ?? directory.file("extended_orport_auth_cookie")
        var extORPort: SocketAddress?
        if let line = options.extORPorts.first {
            do throws(FileError) {
                let port = try ExtORPort(loop: loop, router: router, cookieFile: cookieFile, isGroupReadable: options.isCookieGroupReadable)
                let number: UInt16 = if case .fixed(let number) = line.port { number } else { 0 }
                extORPort = try port.listen(on: SocketAddress(ip: line.ip ?? .v4(0x7F00_0001), port: number))
                self.port = port
            } catch { throw NodeFailure(error) }
            log.notice("Opened Extended OR listener connection (ready) on \(extORPort.map { "\($0)" } ?? "")")
        } else if !options.plugins.isEmpty {
            log.notice("No ExtORPort: transport proxies cannot tell us where their clients come from. \"ExtORPort auto\" is advised")
        }
        extendedAddress = extORPort
        let stateFolder = directory.file("pt_state/")
        for plugin in options.plugins {
            proxies.append(ManagedProxy(loop: loop, plugin: plugin) { [state] in
                var environment = ServerProxyEnvironment(transports: plugin.transports, stateFolder: stateFolder, orPort: orPort)
                for name in plugin.transports { environment.listenAddresses[name] = options.listenAddresses[name] ?? Self.remembered(name, state) }
                environment.options = options.transportOptions
                environment.extORPort = extORPort
                environment.outbound = outbound
                environment.cookieFile = cookieFile
                return environment
            })
        }
        for proxy in proxies {
            proxy.onReady = { [weak self, weak proxy] in if let proxy { self?.ready(proxy) } }
            proxy.start()
        }
    }

    /// Lines of the extra-info document.
    var extraInfoLines: [String] {
        proxies.filter { !$0.transports.isEmpty }.flatMap { proxy in
            proxy.transports.map { $0.extraInfoLine(ownAddresses: ownAddresses) }
                + ["transport-info" + (proxy.program.map { " version=\($0.version) implementation=\($0.implementation)" } ?? "")]
        }
    }

    func stop() {
        port?.stop()
        for proxy in proxies { proxy.stop() }
    }

    private func ready(_ proxy: ManagedProxy) {
        for transport in proxy.transports {
            log.notice("Registered server transport '\(transport.name)' at '\(transport.address)'")
            log.notice("Clients use this transport by: Bridge \(transport.bridgeLine(ownAddresses: ownAddresses, fingerprint: fingerprint))")
            remember(transport)
            onLaunch(transport)
        }
        onChange()
    }

    // MARK: Ports that stay the same from start to start

    private static func key(_ name: String) -> String { "TransportProxy \(name)" }

    private static func remembered(_ name: String, _ state: StateFile) -> SocketAddress? { state.value(key(name)).flatMap { SocketAddress($0) } }

    private func remember(_ transport: ServerTransport) {
        guard Self.remembered(transport.name, state) != transport.address else { return }
        do throws(NodeFailure) {
            try state.set(Self.key(transport.name), "\(transport.address)")
        } catch { log.warning("\(error); the transport \(transport.name) may get another port at the next start") }
    }
}
