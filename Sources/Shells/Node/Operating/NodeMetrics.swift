internal import Ambience
internal import ControlService
internal import Directory
internal import DirectoryService
internal import Glibc
internal import Loops
internal import Relaying
internal import Statistics
internal import Sealing
internal import Torrc

/// What the MetricsPort tells: stock's metrics for which there is a number here, and no others.
struct NodeMetrics {
    let interior: NodeInterior

    /// Opens the ports of the torrc; `nil` when there are none.
    static func serve(_ interior: NodeInterior) throws(NodeFailure) -> MetricsServer? {
        let options = interior.reading().configuration.operating
        guard !options.metricsPorts.isEmpty else { return nil }
        let server = MetricsServer(loop: interior.loop) { peer in
            Self.admits(peer, interior.reading().configuration.operating.metricsPolicy)
        } text: {
            NodeMetrics(interior: interior).text
        }
        do throws(FileError) {
            for line in options.metricsPorts {
                let number: UInt16 = if case .fixed(let fixed) = line.port { fixed } else { 0 }
                try server.listen(on: SocketAddress(ip: line.ip ?? .v4(0x7F00_0001), port: number))
            }
        } catch { throw NodeFailure(error) }
        return server
    }

    /// Whom no rule names is refused.
    private static func admits(_ peer: IPAddress, _ policy: ExitPolicy) -> Bool { policy.rules.first { $0.network.contains(peer) }?.isAccept == true }

    private var text: String {
        var metrics = Metrics()
        let done = interior.statistics
        addTraffic(done, to: &metrics)
        addConnections(to: &metrics)
        addProcess(to: &metrics)
        addCircuits(done, to: &metrics)
        addCongestion(done.congestion, to: &metrics)
        addServices(done, to: &metrics)
        addExits(done, to: &metrics)
        addDefences(done, to: &metrics)
        if interior.relay() != nil { addRelay(to: &metrics) }
        return metrics.text
    }

    private func addTraffic(_ done: RouterStatistics, to metrics: inout Metrics) {
        metrics.add("tor_relay_traffic_bytes", .counter, "Traffic related counters", [
            .init(["direction": "read"], done.bytesRead), .init(["direction": "written"], done.bytesWritten),
        ])
        let limits = interior.router.settings.bandwidth.timesExhausted
        metrics.add("tor_relay_load_global_rate_limit_reached_total", .counter, "Total number of global connection bucket limit reached", [
            .init(["side": "read"], limits.read), .init(["side": "write"], limits.written),
        ])
    }

    // MARK: Connections

    /// Stock's names of the kinds of connection; those that a mote never opens have no kind of ours, and there are none of them.
    private static let kinds: [(name: String, listener: String?, kind: SocketKind?)] = [
        ("OR", "OR listener", .relay), ("Exit", nil, .exit), ("Socks", "Socks listener", .socks), ("Directory", "Directory listener", .directory),
        ("Control", "Control listener", .control), ("Extended OR", "Extended OR listener", .extendedOR), ("Metrics", "Metrics listener", .metrics),
        ("Transparent pf/netfilter listener", nil, nil), ("Transparent natd listener", nil, nil), ("DNS listener", nil, nil), ("HTTP tunnel listener", nil, nil),
    ]

    private func addConnections(to metrics: inout Metrics) {
        var (created, opened): ([Metrics.Sample], [Metrics.Sample]) = ([], [])
        func add(_ type: String, _ kind: SocketKind?, _ initiated: SocketLedger.Side, _ received: SocketLedger.Side?) {
            for (direction, side) in [("initiated", initiated), ("received", received)] as [(String, SocketLedger.Side?)] {
                for (family, isIPv4) in [("ipv4", true), ("ipv6", false)] {
                    let counts = kind.flatMap { kind in side.map { SocketLedger.counts(kind, $0, isIPv4: isIPv4) } } ?? SocketLedger.Counts()
                    created.append(.init(["type": type, "direction": direction, "state": "created", "family": family], counts.created))
                    opened.append(.init(["type": type, "direction": direction, "state": "opened", "family": family], counts.opened))
                    guard direction == "received" else { continue }
                    created.append(.init(["type": type, "direction": direction, "state": "rejected", "family": family], counts.rejected))
                }
            }
        }
        for (name, listener, kind) in Self.kinds {
            if let listener { add(listener, kind, .listening, nil) }
            add(name, kind, .initiated, .received)
        }
        metrics.add("tor_relay_connections_total", .counter, "Total number of created/rejected connections", created)
        metrics.add("tor_relay_connections", .gauge, "Total number of opened connections", opened)
    }

    private func addProcess(to metrics: inout Metrics) {
        // An assertion that does not hold ends a mote: whoever can be asked has reached none.
        metrics.add("tor_bug_reached_count", .counter, "Total number of BUG() and similar assertion reached", [.init([:], 0)])
        var limit = rlimit()
        guard let open = try? Files.list("/proc/self/fd").count, getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        metrics.add("tor_relay_load_tcp_exhaustion_total", .counter, "Total number of times we ran out of TCP ports", [.init([:], Sockets.portShortages)])
        // The second has no label in stock either.
        metrics.add("tor_relay_load_socket_total", .gauge, "Total number of sockets", [.init(["state": "opened"], open), .init([:], limit.rlim_cur)])
    }

    private func addRelay(to metrics: inout Metrics) {
        guard let relay = interior.relay() else { return }
        let store = interior.documents.store
        guard let consensus = store.consensus(.microdesc) ?? store.consensus(.ns) else { return }
        let flags = consensus.entry(of: relay.keys.rsaIdentity)?.flags ?? []
        let told = ["Fast", "Exit", "Authority", "Stable", "HSDir", "Running", "V2Dir", "Sybil", "Guard"]
        metrics.add("tor_relay_flag", .gauge, "Relay flags from consensus", told.map { name in
            .init(["type": name], RelayFlags(name: name).map { flags.isSuperset(of: $0) } == true ? 1 : 0)
        })
    }
}
