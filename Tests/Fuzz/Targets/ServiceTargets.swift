import Ambience
import OnionServices
import Sealing

extension FuzzTarget {
    private static let folder = "Cores/OnionServices/"
    private static let now = WallTime(secondsSinceEpoch: 1_770_000_000)
    private static let nonce = [UInt8](repeating: 5, count: 20)
    private static let authKey = Ed25519Key(seed: [UInt8](repeating: 6, count: 32))

    /// What onion services and their clients ask of a relay.
    static let services = [
        FuzzTarget("establish-intro", [folder + "EstablishIntroMessage.swift", folder + "ServiceMessageReading.swift"]) { _ = try? EstablishIntroMessage($0) },
        FuzzTarget("establish-intro-edits", [folder + "EstablishIntroMessage.swift", folder + "ServiceMessageReading.swift"]) {
            _ = try? EstablishIntroMessage(Edits($0).apply(to: EstablishIntroMessage.make(authKey: authKey, circuitNonce: nonce)))
        },
        FuzzTarget("introduce1", [folder + "IntroduceMessages.swift", folder + "ServiceMessageReading.swift"]) { _ = try? Introduce1Header($0) },
        FuzzTarget("rendezvous1", [folder + "RendezvousMessages.swift"]) { _ = try? Rendezvous1Message($0) },
        FuzzTarget("rendezvous-cookie", [folder + "RendezvousMessages.swift"]) { _ = RendezvousCookie($0) },
        FuzzTarget("service-descriptor", [folder + "ServiceDescriptor.swift"]) { _ = try? ServiceDescriptor($0, now: now) },
    ]
}
