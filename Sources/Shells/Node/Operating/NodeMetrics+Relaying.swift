internal import Ambience
internal import Limits
internal import Loops
internal import Onion
internal import Relaying
internal import Statistics

/// What was relayed, for whom, and what was refused. Names, labels and words are stock's.
extension NodeMetrics {
    func addCircuits(_ done: RouterStatistics, to metrics: inout Metrics) {
        metrics.add("tor_relay_circuits_total", .gauge, "Total number of circuits", [.init(["state": "opened"], interior.circuitCount)])
        metrics.add("tor_relay_streams_total", .counter, "Total number of streams", [
            .init(["type": "BEGIN"], done.exitStreamsAsked), .init(["type": "BEGIN_DIR"], done.directoryStreamsAsked), .init(["type": "RESOLVE"], done.resolvesAsked),
        ])
        metrics.add("tor_relay_circ_proto_violation_total", .counter, "Total number of circuit protocol violation", [.init([:], done.circuitViolations)])
        metrics.add("tor_relay_destroy_cell_total", .counter, "Total number of DESTROY cell we received", [.init([:], done.destroysReceived)])
        metrics.add("tor_relay_drop_cell_total", .counter, "Total number of DROP cell we received", [.init([:], done.dropsReceived)])
        let kinds: [(String, SkinKind)] = [("tap", .tap), ("fast", .fast), ("ntor", .ntor), ("ntor_v3", .ntorV3)]
        metrics.add("tor_relay_load_onionskins_total", .counter, "Total number of onionskins handled", kinds.flatMap { name, kind in [
            .init(["type": name, "action": "processed"], done.skinsAnswered[kind]), .init(["type": name, "action": "dropped"], done.skinsDropped[kind]),
        ] })
    }

    func addServices(_ done: RouterStatistics, to metrics: inout Metrics) {
        func add(_ name: String, _ help: String, _ counts: Counts<ServiceOutcome>, _ words: KeyValuePairs<String, ServiceOutcome>) {
            metrics.add(name, .counter, help, words.map { .init(["action": $0.key], counts[$0.value]) })
        }
        add("tor_relay_est_intro_total", "Total number of EST_INTRO cells we received", done.introductionPoints, [
            "success": .success, "malformed": .malformed, "unsuitable_circuit": .unsuitable, "circuit_dead": .circuitDead,
        ])
        add("tor_relay_intro1_total", "Total number of INTRO1 cells we received", done.introductions, [
            "success": .success, "circuit_dead": .circuitDead, "malformed": .malformed, "unknown_service": .unknownService, "rate_limited": .rateLimited,
            "circuit_reused": .circuitReused, "single_hop": .singleHop,
        ])
        add("tor_relay_est_rend_total", "Total number of EST_REND cells we received", done.rendezvousPoints, [
            "success": .success, "unsuitable_circuit": .unsuitable, "single_hop": .singleHop, "malformed": .malformed, "duplicate_cookie": .duplicateCookie,
            "circuit_dead": .circuitDead,
        ])
        add("tor_relay_rend1_total", "Total number of REND1 cells we received", done.meetings, [
            "success": .success, "unsuitable_circuit": .unsuitable, "malformed": .malformed, "unknown_cookie": .unknownCookie, "circuit_dead": .circuitDead,
        ])
    }

    func addExits(_ done: RouterStatistics, to metrics: inout Metrics) {
        metrics.add("tor_relay_exit_dns_query_total", .counter, "Total number of DNS queries done by this relay", [.init([:], done.namesAsked)])
        let words: KeyValuePairs<String, Resolver.Outcome> = [
            "success": .success, "format": .format, "serverfailed": .serverFailed, "notexist": .missing, "notimpl": .unsupported, "refused": .refused,
            "truncated": .truncated, "unknown": .unknown, "tor_timeout": .timeout, "shutdown": .shutdown, "cancel": .cancelled, "nodata": .noData,
        ]
        metrics.add(
            "tor_relay_exit_dns_error_total", .counter, "Total number of DNS errors encountered by this relay",
            words.map { .init(["reason": $0.key], done.namesAnswered[$0.value]) })
    }

    func addDefences(_ done: RouterStatistics, to metrics: inout Metrics) {
        let (refused, memory) = (interior.router.settings.clients.statistics, interior.router.settings.memory)
        let words: KeyValuePairs<String, UInt64> = [
            "circuit_rejected": refused.circuitsRefused, "circuit_killed_max_cell": done.queuesOverfilled - done.outboundQueuesOverfilled,
            "circuit_killed_max_cell_outq": done.outboundQueuesOverfilled, "marked_address": refused.addressesMarkedForCircuits,
            "marked_address_maxq": refused.addressesMarkedForFullQueues, "conn_rejected": refused.linksRefusedWhileMarked,
            "concurrent_conn_rejected": refused.linksRefusedAtOnce, "single_hop_refused": done.rendezvousPoints[.singleHop],
            "introduce2_rejected": done.introductions[.rateLimited], "stream_rejected": refused.streamsRefused,
        ]
        metrics.add("tor_relay_dos_total", .counter, "Denial of Service defenses related counters", words.map { .init(["type": $0.key], $0.value) })
        // Neither the names that an exit remembers nor the addresses that it counts are ever freed by force: both have bounds of their own.
        metrics.add("tor_relay_load_oom_bytes_total", .counter, "Total number of bytes the OOM has freed by subsystem", [
            .init(["subsys": "cell"], memory.reclaimedBytes), .init(["subsys": "dns"], 0), .init(["subsys": "geoip"], 0),
            .init(["subsys": "hsdir"], memory.reclaimedCacheBytes),
        ])
    }

    func addCongestion(_ done: CongestionStatistics, to metrics: inout Metrics) {
        let counters: [(state: String, action: String, count: UInt64)] = [
            ("starvation", "rtt_reset", done.tripsReset), ("clock_stalls", "rtt_skipped", done.tripsSkipped), ("flow_control", "xoff_num_sent", done.xoffsSent),
            ("flow_control", "xon_num_sent", done.xonsSent), ("cc_limits", "above_delta", done.aboveDelta), ("cc_limits", "above_ss_cwnd_max", done.aboveStartMaximum),
            ("cc_limits", "below_ss_inc_floor", done.belowStartFloor), ("cc_circuits", "circs_created", done.circuitsCreated),
            ("cc_circuits", "circs_closed", done.circuitsClosed), ("cc_circuits", "circs_exited_ss", done.startsEnded),
        ]
        metrics.add("tor_relay_congestion_control_total", .counter, "Congestion control related counters", counters.map { .init(["state": $0.state, "action": $0.action], $0.count) })
        let means: [(state: String, action: String, mean: CongestionStatistics.Mean)] = [
            ("slow_start_exit", "cwnd", done.startEndWindow), ("slow_start_exit", "bdp", done.startEndBandwidthDelay), ("slow_start_exit", "inc", done.startEndStep),
            ("on_circ_close", "cwnd", done.closeWindow), ("on_circ_close", "ss_cwnd", done.closeStartWindow), ("buffers", "xon_outbuf", done.xonBacklog),
            ("buffers", "xoff_outbuf", done.xoffBacklog), ("cc_backoff", "chan_blocked_pct", done.blockedPercent), ("cc_backoff", "gamma_drop", done.gammaDrop),
            ("cc_backoff", "delta_drop", done.deltaDrop), ("cc_backoff", "ss_chan_blocked_pct", done.startBlockedPercent),
            ("cc_cwnd_update", "alpha_pct", done.alphaPercent), ("cc_cwnd_update", "beta_pct", done.betaPercent), ("cc_cwnd_update", "delta_pct", done.deltaPercent),
            ("cc_estimates", "ss_queue", done.startQueue), ("cc_estimates", "queue", done.queue), ("cc_estimates", "bdp", done.bandwidthDelay),
        ]
        metrics.add("tor_relay_congestion_control", .gauge, "Congestion control related gauges", means.map { .init(["state": $0.state, "action": $0.action], $0.mean.average) })
    }
}
