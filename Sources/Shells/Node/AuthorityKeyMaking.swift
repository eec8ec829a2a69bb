internal import Ambience
internal import Authority
package import Torrc

/// `--create-authority-keys`: makes what tor-gencert would, in the data directory.
package enum AuthorityKeyMaking {
    /// Makes the keys; the `v3ident` for DirAuthority lines, as the one line to print.
    ///
    /// The certificate names `Address ADDRESS:PORT`, or Address and DirPort, if they are given.
    package static func make(_ configuration: NodeConfiguration, home: String) throws(NodeFailure) -> String {
        let directory = try DataDirectory(path: configuration.general.dataDirectory ?? home, keys: configuration.general.keyDirectory)
        try directory.hold()
        do throws(AuthorityFailure) {
            let keys = try AuthorityKeys.create(keysFolder: directory.keys, address: address(configuration.relay), now: SystemTime().wall)
            return "v3ident \(keys.identity)"
        } catch { throw NodeFailure(.cannotCreate, "\(error)") }
    }

    private static func address(_ relay: RelayOptions) -> SocketAddress? {
        if let whole = relay.addressNames.lazy.compactMap({ SocketAddress($0) }).first { return whole }
        guard let ip = relay.addresses.first, case .fixed(let port)? = relay.dirPorts.first?.port else { return nil }
        return SocketAddress(ip: ip, port: port)
    }
}
