package import Ambience
package import Sealing

/// One server that may take a letter, and what it has to show for it.
package struct MailHop: Hashable, Sendable {
    package enum Trust: Hashable, Sendable {
        /// Without TLS: where an attempt with it has failed and nobody promised it.
        case plain
        /// TLS if it is offered, with anybody: against those who only listen (RFC 7435).
        case opportunistic
        /// TLS, with anybody.
        case encrypted
        /// TLS with a certificate for the host's name from somebody who is believed.
        case named
        /// TLS with what DNS says, signed (RFC 7672).
        case recorded(names: [String], [TLSARecord])
    }

    package var host: String
    package var port: UInt16
    /// In the order to try; none: a proxy finds it by its name.
    package var addresses: [IPAddress]
    package var trust: Trust
    /// TLS before the greeting (RFC 8314).
    package var isImplicit: Bool
    /// We log in there.
    package var isRelay: Bool

    package init(host: String, port: UInt16, addresses: [IPAddress], trust: Trust, isImplicit: Bool = false, isRelay: Bool = false) {
        (self.host, self.port, self.addresses, self.trust) = (host, port, addresses, trust)
        (self.isImplicit, self.isRelay) = (isImplicit, isRelay)
    }

    package var encryption: SMTPClient.Encryption {
        switch trust {
        case .plain: .never
        case .opportunistic: .ifOffered
        case .encrypted, .named, .recorded: isImplicit ? .fromTheStart : .required
        }
    }

    package var peer: TLSPeer {
        switch trust {
        case .plain, .opportunistic, .encrypted: .anybody(name: host)
        case .named: .named(host)
        case .recorded(let names, let records): .recorded(names: names, records)
        }
    }
}

/// Why there is no way to a domain.
package enum NoRoute: Error, Hashable, Sendable {
    /// Another time there may be one.
    case now
    /// For good: an enhanced status code (RFC 3463) and a sentence.
    case ever(String, String)

    package var verdict: SMTPVerdict {
        switch self {
        case .now: .deferred(.unresolved)
        case .ever(let status, let text): .failed(status, text)
        }
    }
}
