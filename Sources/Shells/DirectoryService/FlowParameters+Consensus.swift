package import Directory
package import Onion

extension FlowParameters {
    /// What the consensus says, and the defaults for what it does not say.
    package init(_ consensus: Consensus) { self.init { consensus.param($0, default: $1, in: $2) } }
}
