/// The two forms of a consensus (dir-spec.txt 3.4, 3.9.2).
package enum ConsensusFlavour: String, CaseIterable, Hashable, Sendable {
    /// Lists descriptors, with exit policy summaries; signed by SHA-1.
    case ns
    /// Lists microdescriptors; signed by SHA-256.
    case microdesc
}
