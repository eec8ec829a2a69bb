internal import Directory
internal import OnionServices
internal import Relaying
internal import Torrc

extension ServicePolicy {
    /// What consensus and torrc say together.
    init(_ consensus: Consensus?, _ options: ServiceOptions) {
        self.init()
        let parameter: (String, Int32, ClosedRange<Int32>) -> Int32 = { consensus?.param($0, default: $1, in: $2) ?? $1 }
        introductionLimits = IntroductionLimits(parameter)
        switch options.refusesSingleHopRendezvous {
        case .yes: refusesSingleHopRendezvous = true
        case .no: refusesSingleHopRendezvous = false
        case .automatic: refusesSingleHopRendezvous = parameter("DoSRefuseSingleHopClientRendezvous", 0, 0...1) == 1
        }
    }
}

extension HSDirCache.Settings {
    /// A fifth of MaxMemInQueues unless the torrc says something else.
    init(_ options: ServiceOptions, _ memory: MemoryAccount) {
        self.init(limitBytes: options.directoryCacheBytes == 0 ? memory.limitBytes / 5 : Int(clamping: options.directoryCacheBytes))
    }
}
