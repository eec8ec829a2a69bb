package import Ambience
package import Outgoing

/// How letters leave at a mote.
package struct DeliverySettings: Sendable {
    package enum Route: Hashable, Sendable { case onion, direct, relay }

    /// A server that takes letters for everywhere from whom it knows (RFC 6409).
    package struct Relay: Sendable {
        package var host: String
        package var port: UInt16
        package var login: SMTPLogin?
        /// TLS from the first byte, as at the port that is for it (RFC 8314).
        package var isImplicit: Bool

        package init(host: String, port: UInt16, login: SMTPLogin?) { (self.host, self.port, self.login, isImplicit) = (host, port, login, port == 465) }

        /// `HOST:PORT`; `nil` for anything else.
        package init?(_ text: String, login: SMTPLogin?) {
            guard let colon = text.lastIndex(of: ":"), colon != text.startIndex, let port = UInt16(text[text.index(after: colon)...]), port > 0 else { return nil }
            self.init(host: text[..<colon].lowercased(), port: port, login: login)
        }
    }

    /// What the mote calls itself in EHLO, in Received lines and in reports: a domain name.
    package var name = "mail.invalid"
    /// Tried in this order; of one with a refusal for now, the next is tried.
    package var routes: [Route] = []
    package var relay: Relay?
    package var onions = OnionRoutes()
    /// Through which every connection to the outside goes; without one there are no onion services.
    package var proxy: SocketAddress?
    /// Recursive name servers. What one on a loopback address says of signatures is believed.
    package var resolvers: [SocketAddress] = []
    /// Servers may be in private networks.
    package var allowsPrivate = false
    /// PEM of the authorities that are believed; `nil`: those of the system.
    package var trustFile: String?
    package var mailPort: UInt16 = 25
    package var webPort: UInt16 = 443
    package var schedule = RetrySchedule()
    /// Between a letter's arrival and its first attempt on average.
    package var firstWaitSeconds: Double = 30
    /// Letters that are tried at the same time.
    package var sessionsLimit = 16

    package init() {}
}
