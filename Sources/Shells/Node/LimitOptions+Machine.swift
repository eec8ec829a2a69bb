internal import Glibc
internal import Limits
internal import Torrc

extension LimitOptions {
    /// What all queues together may hold on this machine.
    var memoryLimitBytes: UInt64 {
        let pages = max(0, sysconf(Int32(_SC_PHYS_PAGES))), pageBytes = max(0, sysconf(Int32(_SC_PAGESIZE)))
        return MemoryLimit.chosen(maxMemoryInQueues, physicalBytes: UInt64(pages) * UInt64(pageBytes))
    }
}

extension BandwidthPolicy {
    /// What the torrc says, and the consensus about links of clients. All links of a relay count as relayed: its own directory and client
    /// traffic goes over the same ones.
    init(_ configuration: NodeConfiguration, _ consensus: QueueParameters.Lookup) {
        self.init()
        let relay = configuration.relay, limits = configuration.limits
        if relay.bandwidthRate < Self.unlimited { total = Rate(rate: relay.bandwidthRate, burst: relay.bandwidthBurst) }
        let relayRate = relay.relayBandwidthRate > 0 ? relay.relayBandwidthRate : relay.relayBandwidthBurst
        if configuration.isRelay, relayRate > 0, relayRate < Self.unlimited {
            relayed = Rate(rate: relayRate, burst: relay.relayBandwidthBurst > 0 ? relay.relayBandwidthBurst : relayRate)
        }
        func said(_ own: UInt64, _ name: String, _ fallback: UInt64) -> UInt64 {
            own > 0 ? own : UInt64(clamping: consensus(name, Int32(clamping: fallback), 1...Int32.max))
        }
        let perRate = said(limits.perConnectionRate, "perconnbwrate", max(relay.bandwidthRate, 1))
        if perRate < min(Self.unlimited, relay.bandwidthRate) {
            perClient = Rate(rate: perRate, burst: said(limits.perConnectionBurst, "perconnbwburst", max(relay.bandwidthBurst, 1)))
        }
        countsPrivate = limits.countsPrivateBandwidth
        interval = limits.refillInterval
    }
}

extension LimitOptions {
    /// What may be moved in an accounting interval, if that is limited.
    var quota: Accounting.Quota? {
        accountingMax > 0 ? Accounting.Quota(limitBytes: accountingMax, rule: accountingRule, calendar: accountingStart) : nil
    }
}
