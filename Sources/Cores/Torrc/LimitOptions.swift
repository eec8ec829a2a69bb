package import Ambience
package import Limits

/// How much of the machine and of others' patience a relay uses, and how much it lets others use of itself.
package struct LimitOptions: Equatable, Sendable {
    /// `DoS…` options that say something, by name; the consensus decides about the others.
    package var denial: [String: Int32] = [:]
    /// Bytes; 0: what fits the machine.
    package var maxMemoryInQueues: UInt64 = 0
    /// `nil`: what the consensus says.
    package var circuitPriorityHalfLife: Instant.Span?

    /// Bytes per second on each link that is no relay's, and at once; 0: what the consensus says.
    package var perConnectionRate: UInt64 = 0
    package var perConnectionBurst: UInt64 = 0
    /// The node's own networks are held to the rates too.
    package var countsPrivateBandwidth = false
    package var refillInterval = Instant.Span.milliseconds(100)
    /// Bytes per accounting interval; 0: as many as there are.
    package var accountingMax: UInt64 = 0
    package var accountingRule = Accounting.Rule.max
    package var accountingStart = AccountingCalendar()

    package init() {}
}

extension OptionTable {
    static let limits: [OptionRow] = [
        .bytes("MaxMemInQueues", \.limits.maxMemoryInQueues),
        .bytes("PerConnBWRate", \.limits.perConnectionRate),
        .bytes("PerConnBWBurst", \.limits.perConnectionBurst),
        .bytes("AccountingMax", \.limits.accountingMax),
        OptionRow(name: "AccountingRule") { configuration, text throws(ValueError) in
            guard let rule = Accounting.Rule(rawValue: text) else { throw ValueError("sum, max, in or out") }
            configuration.limits.accountingRule = rule
        },
        OptionRow(name: "AccountingStart") { configuration, text throws(ValueError) in
            guard let calendar = AccountingCalendar(text) else { throw ValueError("day HH:MM, week DAY HH:MM or month DAY HH:MM") }
            configuration.limits.accountingStart = calendar
        },
        .flag("CountPrivateBandwidth", \.limits.countsPrivateBandwidth),
        OptionRow(name: "TokenBucketRefillInterval") { configuration, text throws(ValueError) in
            let span = Int64(text).map { Instant.Span.milliseconds($0) }
            let interval = if let span { span } else { try Units.span(text) }
            guard (1...1000).contains(interval.inMilliseconds) else { throw ValueError("1 to 1000 milliseconds") }
            configuration.limits.refillInterval = interval
        },
        OptionRow(name: "CircuitPriorityHalflife") { configuration, text throws(ValueError) in
            guard let seconds = Double(text), seconds == -1 || (1...2_147_483_647).contains(seconds) else { throw ValueError("a number of seconds from 1, or -1") }
            configuration.limits.circuitPriorityHalfLife = seconds < 0 ? nil : .seconds(seconds)
        },
    ] + ["CircuitCreation", "Connection", "StreamCreation"].map { denialSwitch("DoS\($0)Enabled") }
        + ["CircuitCreationBurst", "CircuitCreationDefenseType", "CircuitCreationMinConnections", "CircuitCreationRate", "ConnectionDefenseType",
            "ConnectionMaxConcurrentCount", "ConnectionConnectRate", "ConnectionConnectBurst", "StreamCreationDefenseType", "StreamCreationRate",
            "StreamCreationBurst"].map { denialNumber("DoS\($0)") }
        + ["CircuitCreation", "ConnectionConnect"].map { denialSpan("DoS\($0)DefenseTimePeriod") }

    private static func denialSwitch(_ name: String) -> OptionRow {
        OptionRow(name: name) { configuration, text throws(ValueError) in
            if text.lowercased() == "auto" { return configuration.limits.denial[name] = nil }
            guard text == "0" || text == "1" else { throw ValueError("0, 1 or auto") }
            configuration.limits.denial[name] = text == "1" ? 1 : 0
        }
    }

    /// 0 leaves it to the consensus.
    private static func denialNumber(_ name: String) -> OptionRow {
        OptionRow(name: name) { configuration, text throws(ValueError) in
            guard let value = Int32(text), value >= 0 else { throw ValueError("a whole number from 0") }
            configuration.limits.denial[name] = value > 0 ? value : nil
        }
    }

    private static func denialSpan(_ name: String) -> OptionRow {
        OptionRow(name: name) { configuration, text throws(ValueError) in
            let seconds = try Units.span(text).inMilliseconds / 1000
            configuration.limits.denial[name] = seconds > 0 ? Int32(clamping: seconds) : nil
        }
    }
}
