package import Ambience
internal import Bytes
package import Sealing

/// What `mote --probe` is to look at.
package struct ProbeOrder: Equatable, Sendable {
    package let address: SocketAddress
    package let relay: RSAIdentity
    /// The mote's key on the exchange, if its word is to be checked against one.
    package let market: [UInt8]?

    /// As they stand on the command line.
    struct Words: Equatable, Sendable {
        var address: String?
        var fingerprint: String?
        var market: String?

        /// `nil` when no probe is asked for.
        var order: ProbeOrder? {
            get throws(TorrcError) {
                guard let address else {
                    guard fingerprint == nil, market == nil else { throw Self.problem("--fingerprint", "goes with --probe ADDRESS:PORT") }
                    return nil
                }
                guard let place = SocketAddress(address), place.port != 0 else { throw Self.problem("--probe", "\"\(address)\" will not do: expected ADDRESS:PORT") }
                guard let relay = fingerprint.flatMap({ RSAIdentity(hex: $0) }) else { throw Self.problem("--probe", "needs --fingerprint and the relay's 40 hexadecimal digits") }
                let key = market.flatMap { Hex.decode($0) }
                guard market == nil || key?.count == 32 else { throw Self.problem("--market", "expected 64 hexadecimal digits") }
                return ProbeOrder(address: place, relay: relay, market: key)
            }
        }

        private static func problem(_ option: String, _ problem: String) -> TorrcError { TorrcError(origin: .commandLine, option: option, problem: problem) }
    }
}
