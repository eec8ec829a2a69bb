package import Ambience
internal import Bytes

/// How many introductions per second a service is sent through one introduction point.
package struct IntroductionLimits: Equatable, Sendable {
    package let ratePerSecond: Int32
    /// Introductions that may come at once after a quiet time.
    package let burst: Int32

    package init(ratePerSecond: Int32, burst: Int32) {
        self.ratePerSecond = ratePerSecond
        self.burst = burst
    }

    /// What the consensus says; `nil` while it asks for no defence, as by default (proposal 305).
    package init?(_ lookup: (_ name: String, _ fallback: Int32, _ range: ClosedRange<Int32>) -> Int32) {
        guard lookup("HiddenServiceEnableIntroDoSDefense", 0, 0...1) == 1 else { return nil }
        ratePerSecond = lookup("HiddenServiceEnableIntroDoSRatePerSec", 25, 0...Int32.max)
        burst = lookup("HiddenServiceEnableIntroDoSBurstPerSec", 200, 0...Int32.max)
    }
}

/// What a service says in ESTABLISH_INTRO about introduction floods (rend-spec-v3 "Denial-of-Service Defense Extension").
package enum DefenceRequest: Equatable, Sendable {
    static let extensionType: UInt8 = 1
    private static let rate: UInt8 = 1
    private static let burst: UInt8 = 2

    /// Nothing: the consensus decides.
    case none
    /// No limit, whatever the consensus says.
    case off
    case limits(IntroductionLimits)

    /// `nil` for an extension that cannot be read or says what we do not know: it is as if it were not there.
    init?(extension data: ArraySlice<UInt8>) {
        var reader = ByteReader(data)
        var values: (rate: UInt64, burst: UInt64) = (0, 0)
        guard let count = try? reader.u8() else { return nil }
        for _ in 0..<count {
            guard let type = try? reader.u8(), let value = try? reader.u64() else { return nil }
            switch type {
            case Self.rate: values.rate = value
            case Self.burst: values.burst = value
            default: return nil
            }
        }
        self = Self.limits(rate: values.rate, burst: values.burst)
    }

    /// Zero says off, and so do values that make no sense.
    private static func limits(rate: UInt64, burst: UInt64) -> DefenceRequest {
        guard let rate = Int32(exactly: rate), let burst = Int32(exactly: burst), rate > 0, burst >= rate else { return .off }
        return .limits(IntroductionLimits(ratePerSecond: rate, burst: burst))
    }
}

/// Lets introductions through to one service no faster than the service, or else the consensus, wants: a token bucket.
package struct IntroductionGate: Sendable {
    private static let tokenNanoseconds: Int64 = 1_000_000_000
    /// A bucket that was not looked at for longer is full at any rate.
    private static let memorySeconds: Int64 = 1 << 20

    private let request: DefenceRequest
    /// In billionths of an introduction; `nil` before the first.
    private var tokens: Int64?
    private var lastRefill = Instant.zero

    package init(_ request: DefenceRequest) { self.request = request }

    /// Whether one more introduction goes through now. `network` is what the consensus says at this time.
    package mutating func admits(at now: Instant, network: IntroductionLimits?) -> Bool {
        guard let limits = limits(network) else { return true }
        refill(limits, at: now)
        guard let left = tokens, left >= Self.tokenNanoseconds else { return false }
        tokens = left - Self.tokenNanoseconds
        return true
    }

    private func limits(_ network: IntroductionLimits?) -> IntroductionLimits? {
        switch request {
        case .none: network
        case .off: nil
        case .limits(let limits): limits
        }
    }

    private mutating func refill(_ limits: IntroductionLimits, at now: Instant) {
        let full = Int64(limits.burst) * Self.tokenNanoseconds
        let elapsed = min(max(0, (now - lastRefill).nanoseconds), Self.memorySeconds * 1_000_000_000)
        lastRefill = now
        guard let left = tokens else { return tokens = full }
        let (gain, isHuge) = elapsed.multipliedReportingOverflow(by: Int64(limits.ratePerSecond))
        tokens = isHuge ? full : min(full, left + min(gain, full))
    }
}
