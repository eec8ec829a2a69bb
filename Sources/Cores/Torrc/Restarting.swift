extension Torrc {
    /// The first option whose change only a new process can follow; `nil` when a running node can take the new configuration.
    package static func firstNeedingRestart(_ old: NodeConfiguration, _ new: NodeConfiguration) -> String? {
        let same: [(String, Bool)] = [
            ("DataDirectory", old.general.dataDirectory == new.general.dataDirectory),
            ("KeyDirectory", old.general.keyDirectory == new.general.keyDirectory),
            ("CacheDirectory", old.general.cacheDirectory == new.general.cacheDirectory),
            ("TestingTorNetwork", old.general.isTestingNetwork == new.general.isTestingNetwork),
            ("DirAuthority", old.general.authorities == new.general.authorities),
            ("ORPort", old.relay.orPorts == new.relay.orPorts),
            ("DirPort", old.relay.dirPorts == new.relay.dirPorts),
            ("SocksPort", old.client.socksPorts == new.client.socksPorts),
            ("SocksPolicy", old.client.socksPolicy == new.client.socksPolicy),
            ("BridgeRelay", old.bridge == new.bridge),
            ("MoteMarket", old.mote.marketFolder == new.mote.marketFolder),
            ("MoteMail", old.mail == new.mail),
            ("MoteTickets", old.mote.ticketsFolder == new.mote.ticketsFolder),
            ("AuthoritativeDirectory", old.authority.isAuthoritative == new.authority.isAuthoritative),
        ] + operating(old.operating, new.operating)
        return same.first { !$0.1 }?.0
    }

    private static func operating(_ old: OperatingOptions, _ new: OperatingOptions) -> [(String, Bool)] {
        [
            ("ControlPort", old.controlPorts == new.controlPorts),
            ("ControlSocket", old.controlSockets == new.controlSockets),
            ("CookieAuthentication", old.isCookieAuthenticated == new.isCookieAuthenticated && old.cookieFile == new.cookieFile),
            ("MetricsPort", old.metricsPorts == new.metricsPorts),
            ("RunAsDaemon", old.runsAsDaemon == new.runsAsDaemon),
            ("User", old.user == new.user && old.keepsBindCapabilities == new.keepsBindCapabilities),
            ("Sandbox", old.isSandboxed == new.isSandboxed),
            ("SyslogIdentityTag", old.syslogTag == new.syslogTag),
            ("HashedControlPassword", old.passwords == new.passwords),
        ]
    }
}
