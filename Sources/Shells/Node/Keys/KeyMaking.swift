internal import Ambience
internal import Sealing
package import Torrc

/// What `--keygen` does: a new signing key and certificate, and a master key where there is none yet. Files are stock's.
package enum KeyMaking {
    /// - Returns: what to tell the operator.
    package static func make(_ configuration: NodeConfiguration, home: String) throws(NodeFailure) -> String {
        let directory = try DataDirectory(path: configuration.general.dataDirectory ?? home, keys: configuration.general.keyDirectory)
        let files = KeyFiles(directory: directory)
        let master = try MasterKey(files: files, isOffline: false).secretOrNew()
        let now = SystemTime().wall
        let pair = try SigningPair.make(files, master: master, now: now, lifetimeSeconds: KeyPolicy(configuration.relay).signingLifetimeSeconds)
        return "\(directory.keys)/\(SigningPair.secretName) and \(SigningPair.certificateName) are valid until \(pair.certificate.expires) UTC"
    }
}
