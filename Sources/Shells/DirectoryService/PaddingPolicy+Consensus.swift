package import Directory
internal import Onion
package import Relaying

extension PaddingPolicy {
    /// What the consensus says, and the defaults for what it does not say; what the operator wants stays.
    package mutating func follow(_ consensus: Consensus) {
        links = LinkPaddingParameters { consensus.param($0, default: $1, in: $2) }
        isCircuitPaddingDisabled = consensus.param("circpad_padding_disabled", default: 0, in: 0...1) == 1
    }
}
