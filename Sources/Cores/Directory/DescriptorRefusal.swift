package import Ambience

extension RouterDescriptor {
    /// What an authority demands beyond a well-signed descriptor (stock: feature/dirauth).
    package struct Demands: Equatable, Sendable {
        /// `DirAllowPrivateAddresses`.
        package var allowsPrivateAddresses = false
        /// `MinimalAcceptedServerVersion`; only of programs that call themselves Tor.
        package var minimalVersion = TorVersion("0.4.8.0-alpha-dev")

        package init(allowsPrivateAddresses: Bool = false) { self.allowsPrivateAddresses = allowsPrivateAddresses }
    }

    /// How far `published` may lie ahead.
    private static let earlySeconds: Int64 = 12 * 3600
    /// How old `published` may be.
    private static let lateSeconds: Int64 = 24 * 3600

    /// Why an authority would not take this descriptor at `now`; `nil` when it would. The text goes into the 400 answer.
    package func refusal(at now: WallTime, demands: Demands) -> String? {
        if protocolsText == nil { return "Missing proto line in descriptor." }
        if onionKey == nil { return "Missing TAP key in descriptor." }
        if published > now + Self.earlySeconds { return "Descriptor published in the future." }
        if published < now - Self.lateSeconds { return "Descriptor too old." }
        if certificatesExpire <= now { return "Expired certificate in descriptor." }
        if address.isPrivate, !demands.allowsPrivateAddresses { return "Private address in descriptor." }
        return versionRefusal(demands)
    }

    private func versionRefusal(_ demands: Demands) -> String? {
        guard let platform, platform.hasPrefix("Tor ") else { return nil }
        guard let name = version?.dropFirst(4), let version = TorVersion(name) else { return "Unparsable version of Tor in descriptor." }
        if let minimal = demands.minimalVersion, version < minimal { return "Tor version is too old." }
        return nil
    }
}
