internal import Onion
internal import Relaying
internal import Torrc

extension PaddingPolicy {
    /// What the operator wants; what the consensus says stays.
    mutating func adopt(_ options: PaddingOptions) {
        isForced = options.connectionPadding == .yes
        wish = options.connectionPadding == .no ? .none : options.isConnectionPaddingReduced ? .reduced : .usual
    }
}
