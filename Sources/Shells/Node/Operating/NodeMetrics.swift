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
        addTraffic(to: &metrics)
        addLinks(to: &metrics)
        addProcess(to: &metrics)
        if interior.relay() != nil { addRelay(to: &metrics) }
        return metrics.text
    }

    private func addTraffic(to metrics: inout Metrics) {
        let done = interior.statistics
        metrics.add("tor_relay_traffic_bytes", .counter, "Traffic related counters", [
            .init(["direction": "read"], done.bytesRead), .init(["direction": "written"], done.bytesWritten),
        ])
        metrics.add("tor_relay_circuits_total", .gauge, "Total number of circuits", [.init(["state": "opened"], interior.circuitCount)])
    }

    private func addLinks(to metrics: inout Metrics) {
        let links = interior.links
        var samples: [Metrics.Sample] = []
        for (direction, isInitiator) in [("initiated", true), ("received", false)] {
            for (family, isIPv4) in [("ipv4", true), ("ipv6", false)] {
                samples.append(.init(
                    ["type": "OR", "direction": direction, "state": "opened", "family": family],
                    links.count { $0.isInitiator == isInitiator && $0.address.ip.isIPv4 == isIPv4 }))
            }
        }
        metrics.add("tor_relay_connections", .gauge, "Total number of opened connections", samples)
    }

    private func addProcess(to metrics: inout Metrics) {
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
