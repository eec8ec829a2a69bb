/// Options of a relay that serves onion services.
package struct ServiceOptions: Sendable {
    /// What descriptors of onion services may take, in bytes; 0: a fifth of MaxMemInQueues.
    package var directoryCacheBytes: UInt64 = 0
    /// Whether clients may use us as the rendezvous point of a circuit of one hop.
    package var refusesSingleHopRendezvous: Choice = .automatic
}

extension OptionTable {
    static let services: [OptionRow] = [
        .bytes("MaxHSDirCacheBytes", \.services.directoryCacheBytes),
        .choice("DoSRefuseSingleHopClientRendezvous", \.services.refusesSingleHopRendezvous),
    ]
}
