/// Options of a relay that serves onion services.
package struct ServiceOptions: Sendable {
    /// What descriptors of onion services may take when the torrc does not say (MaxHSDirCacheBytes 0).
    package static let defaultDirectoryCacheBytes = 128 << 20

    /// Bytes; 0: the default.
    package var directoryCacheBytes: UInt64 = 0
    /// Whether clients may use us as the rendezvous point of a circuit of one hop.
    package var refusesSingleHopRendezvous: Choice = .automatic

    package var directoryCacheLimitBytes: Int { directoryCacheBytes == 0 ? Self.defaultDirectoryCacheBytes : Int(clamping: directoryCacheBytes) }
}

extension OptionTable {
    static let services: [OptionRow] = [
        .bytes("MaxHSDirCacheBytes", \.services.directoryCacheBytes),
        .choice("DoSRefuseSingleHopClientRendezvous", \.services.refusesSingleHopRendezvous),
    ]
}
