package import Ambience

/// How much one stream may send, by what the other end told with XOFF and XON (proposal 324, section 4).
package struct SendPermit: Sendable {
    /// What may be sent at once, as a part of a second's worth, and at least.
    private static let burstsPerSecond = 10
    private static let burstLeastBytes = 4 * CellLayout.relayDataBytes

    /// Faster than any stream: keeps the arithmetic far from overflow.
    private static let rateLimitBytesPerSecond = Int(Int32.max)

    private let signalBytes: Int
    private let isClient: Bool
    private var isStopped = false
    private var stops = 0
    private var resumptions = 0
    /// 0: no limit.
    private var bytesPerSecond = 0
    private var tokens = 0
    private var refilled = Instant.zero

    /// - Parameter isClient: this end opened the stream, and signals that its bytes cannot have caused are an attack on its anonymity.
    package init(_ parameters: FlowParameters, isClient: Bool) {
        self.isClient = isClient
        signalBytes = min(parameters.streams.exitLimitBytes, parameters.streams.measureBytes)
    }

    /// XOFF came, after `sent` bytes.
    package mutating func stop(sent: UInt64) throws(FlowFailure) {
        guard !isStopped else { throw .unearnedSignal }
        stops += 1
        try check(stops, sent)
        isStopped = true
    }

    /// XON came, after `sent` bytes.
    package mutating func resume(_ message: XonMessage, sent: UInt64, at now: Instant) throws(FlowFailure) {
        resumptions += 1
        try check(resumptions, sent)
        isStopped = false
        bytesPerSecond = min(Int(message.rateKilobytesPerSecond) * 1000, Self.rateLimitBytesPerSecond)
        tokens = burst
        refilled = now
    }

    private func check(_ signals: Int, _ sent: UInt64) throws(FlowFailure) {
        guard !isClient || sent / UInt64(signalBytes) >= UInt64(signals) else { throw .unearnedSignal }
    }

    private var burst: Int { max(bytesPerSecond / Self.burstsPerSecond, Self.burstLeastBytes) }

    /// Whether nothing but the windows limits this stream.
    @inline(__always)
    package var isUnlimited: Bool { !isStopped && bytesPerSecond == 0 }

    /// Bytes that may go out now.
    package mutating func allowance(at now: Instant) -> Int {
        guard !isStopped else { return 0 }
        guard bytesPerSecond > 0 else { return .max }
        let span = min(max(now - refilled, Instant.Span(nanoseconds: 0)), .seconds(1))
        let fresh = Int(Double(bytesPerSecond) * span.inSeconds)
        if fresh > 0 {
            tokens = min(tokens + fresh, burst)
            refilled = now
        }
        return max(tokens, 0)
    }

    /// Bytes went out.
    package mutating func spend(_ bytes: Int) { if bytesPerSecond > 0 { tokens -= bytes } }

    /// When it is worth to ask again; `nil` when only an XON can help.
    package var retry: Instant.Span? {
        guard !isStopped, bytesPerSecond > 0 else { return nil }
        return Instant.Span(nanoseconds: max(Int64(burst / 2) * 1_000_000_000 / Int64(bytesPerSecond), 1_000_000))
    }
}
