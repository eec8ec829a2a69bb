extension ExitPolicy {
    /// A /7 of refused IPv4 addresses is still "most addresses accepted", more is not.
    private static let rejectLimitIPv4: UInt64 = 1 << 25
    /// The same for IPv6, counted in /64 networks: a /16.
    private static let rejectLimitIPv6: UInt64 = 1 << 48
    /// The longest summary, in bytes, with its first word.
    private static let summaryLimitBytes = 1000

    /// Which ports are accepted for most addresses of one family, as stock counts it (dir-spec.txt 3.8.2).
    package func summary(isIPv4: Bool = true) -> PolicySummary {
        var runs = PortRuns()
        let limit = isIPv4 ? Self.rejectLimitIPv4 : Self.rejectLimitIPv6
        for rule in rules where rule.network.isIPv4 == isIPv4 {
            guard rule.isAccept ? rule.network.bits == 0 : !PolicyRule.Network.privateNetworks.contains(rule.network) else { continue }
            runs.apply(rule, limit: limit)
        }
        return Self.shorter(accepted: Self.joined(runs.runs.filter(\.isAccepted)), refused: Self.joined(runs.runs.filter { !$0.isAccepted }))
    }

    private static func joined(_ runs: [PortRun]) -> [ClosedRange<UInt16>] {
        var ranges: [ClosedRange<UInt16>] = []
        for run in runs {
            if let last = ranges.last, last.upperBound < run.ports.lowerBound, last.upperBound + 1 == run.ports.lowerBound {
                ranges[ranges.count - 1] = last.lowerBound...run.ports.upperBound
            } else {
                ranges.append(run.ports)
            }
        }
        return ranges
    }

    private static func shorter(accepted: [ClosedRange<UInt16>], refused: [ClosedRange<UInt16>]) -> PolicySummary {
        if accepted.isEmpty { return .rejectAll }
        if refused.isEmpty { return .acceptAll }
        let acceptedBytes = PolicySummary.text(accepted).utf8.count
        let refusedBytes = PolicySummary.text(refused).utf8.count
        let room = summaryLimitBytes - "accept".utf8.count - 1
        if acceptedBytes > room, refusedBytes > room { return PolicySummary(isAccept: true, ports: cut(accepted, to: room)) }
        return refusedBytes < acceptedBytes ? PolicySummary(isAccept: false, ports: refused) : PolicySummary(isAccept: true, ports: accepted)
    }

    /// As many whole ranges as fit.
    private static func cut(_ ranges: [ClosedRange<UInt16>], to room: Int) -> [ClosedRange<UInt16>] {
        var bytes = -1
        return Array(ranges.prefix { range in
            bytes += PolicySummary.text([range]).utf8.count + 1
            return bytes <= room
        })
    }
}

/// All ports, in runs that the rules so far treat alike, lowest first.
private struct PortRuns {
    private(set) var runs = [PortRun(ports: PolicyRule.allPorts)]

    mutating func apply(_ rule: PolicyRule, limit: UInt64) {
        let first = cut(before: Int(rule.ports.lowerBound))
        let end = cut(before: Int(rule.ports.upperBound) + 1)
        for index in first..<end { runs[index].apply(rule, limit: limit) }
    }

    /// Makes a run begin at `port` and gives its index; one past the last run when no such port exists.
    private mutating func cut(before port: Int) -> Int {
        var range = 0..<runs.count
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            range = Int(runs[middle].ports.upperBound) < port ? middle + 1..<range.upperBound : range.lowerBound..<middle
        }
        let index = range.lowerBound
        guard index < runs.count, Int(runs[index].ports.lowerBound) < port else { return index }
        let upper = runs[index].split(at: UInt16(port))
        runs.insert(upper, at: index + 1)
        return index + 1
    }
}

private struct PortRun {
    private(set) var ports: ClosedRange<UInt16>
    private(set) var isAccepted = false
    private var refusedAddresses: UInt64 = 0

    init(ports: ClosedRange<UInt16>) { self.ports = ports }

    /// Keeps the ports below `port`, which is neither the first nor beyond the last, and gives the others.
    mutating func split(at port: UInt16) -> PortRun {
        var upper = self
        upper.ports = port...ports.upperBound
        ports = ports.lowerBound...port - 1
        return upper
    }

    /// The first rule for all addresses that accepts decides, unless too many addresses were refused before.
    mutating func apply(_ rule: PolicyRule, limit: UInt64) {
        guard !isAccepted else { return }
        if rule.isAccept {
            isAccepted = refusedAddresses <= limit
        } else {
            refusedAddresses = refusedAddresses.addingReportingOverflow(rule.network.weight).overflow ? .max : refusedAddresses + rule.network.weight
        }
    }
}

extension PolicyRule.Network {
    /// Number of addresses (IPv4) or of /64 networks (IPv6, at least one).
    fileprivate var weight: UInt64 {
        isIPv4 ? 1 << (32 - UInt64(min(bits, 32))) : bits == 0 ? .max : 1 << (64 - UInt64(min(bits, 64)))
    }
}
