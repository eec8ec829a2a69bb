package import Ambience

/// What the consensus says about padding on idle links (padding-spec "Connection-level padding"). Times in milliseconds.
package struct LinkPaddingParameters: Equatable, Sendable {
    private static let limitMilliseconds: Int32 = 60_000

    let range: ClosedRange<Int32>
    /// For clients that want less of it.
    let reducedRange: ClosedRange<Int32>
    /// Links between relays are padded too.
    package let padsRelays: Bool
    /// Links are padded from the first circuit on; else from the first use of one.
    package let padsBeforeUse: Bool

    /// What holds before there is a consensus.
    package init() { self.init { _, fallback, _ in fallback } }

    package init(_ lookup: FlowParameters.Lookup) {
        let low = lookup("nf_ito_low", 1500, 0...Self.limitMilliseconds)
        range = low...lookup("nf_ito_high", 9500, low...Self.limitMilliseconds)
        let reducedLow = lookup("nf_ito_low_reduced", 9000, 0...Self.limitMilliseconds)
        reducedRange = reducedLow...lookup("nf_ito_high_reduced", 14_000, reducedLow...Self.limitMilliseconds)
        padsRelays = lookup("nf_pad_relays", 0, 0...1) == 1
        padsBeforeUse = lookup("nf_pad_before_usage", 1, 0...1) == 1
    }
}

/// Whether and how one end of a link pads it. Both ends do from the start; a client may have that changed.
package struct LinkPadding: Sendable {
    /// What a client wants of its links (ConnectionPadding, ReducedConnectionPadding).
    package enum Wish: Equatable, Sendable {
        case usual, reduced, none
    }

    package private(set) var isOn = true
    /// Idle times agreed with the client; `nil`: those of the consensus.
    private var agreed: ClosedRange<Int32>?
    private var isReduced = false

    package init() {}

    /// A relay is told by the client how to pad. The client cannot have more padding than the consensus allows.
    package mutating func receive(_ message: PaddingNegotiateMessage, _ parameters: LinkPaddingParameters) {
        isOn = message.isStart
        let low = max(parameters.range.lowerBound, Int32(message.lowMilliseconds))
        agreed = message.lowMilliseconds == 0 && message.highMilliseconds == 0 ? nil : low...max(low, Int32(message.highMilliseconds))
    }

    /// What a client tells the relay first; `nil`: nothing, both pad.
    package mutating func begin(_ wish: Wish) -> PaddingNegotiateMessage? {
        guard wish != .usual else { return nil }
        isOn = wish == .reduced
        isReduced = isOn
        return PaddingNegotiateMessage(isStart: false, lowMilliseconds: 0, highMilliseconds: 0)
    }

    /// How long the link may be idle before the next padding; drawn anew for each. `nil` for no padding.
    ///
    /// The longer of two draws, since the link is padded when the first of its two ends has waited long enough.
    package func idleTime(_ parameters: LinkPaddingParameters, _ random: inout some RandomNumberGenerator) -> Instant.Span? {
        guard isOn, parameters.range.upperBound > 0 else { return nil }
        let own = isReduced ? parameters.reducedRange : agreed ?? parameters.range
        let low = max(own.lowerBound, parameters.range.lowerBound), high = max(own.upperBound, parameters.range.upperBound)
        guard low < high else { return .milliseconds(Int64(low)) }
        return .milliseconds(Int64(max(Int32.random(in: low..<high, using: &random), Int32.random(in: low..<high, using: &random))))
    }
}
