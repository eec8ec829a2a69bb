/// Makes the keys of a new authority with the node's own tools.
package enum AuthorityKeys {
    package struct Made: Equatable, Sendable {
        /// The v3 identity, 40 hex digits.
        package let identity: String
        /// The relay's fingerprint, 40 hex digits.
        package let fingerprint: String
    }

    /// `folder` must be empty or missing.
    package static func make(program: String, folder: NodeFolder, address: String = NetworkPlan.loopback, directoryPort: UInt16) throws(ProviderError) -> Made {
        try folder.make()
        let created = try ChildProcess.output(
            program: program,
            arguments: ["mote", "--create-authority-keys", "--DataDirectory", folder.data, "--Address", "\(address):\(directoryPort)"])
        let listed = try ChildProcess.output(
            program: program,
            arguments: [
                "mote", "--list-fingerprint", "--quiet", "--DataDirectory", folder.data, "--ORPort", "1", "--Nickname", NetworkPlan.authorityNickname,
                "--DirAuthority", "unused 127.0.0.1:1 " + String(repeating: "F", count: 40),
            ])
        guard let identity = fingerprint(in: created), let fingerprint = fingerprint(in: listed) else {
            throw ProviderError("\(program) made keys but printed no fingerprints")
        }
        return Made(identity: identity, fingerprint: fingerprint)
    }

    /// The last 40 hex digits of a text's last line that has them, whether grouped by spaces or not.
    package static func fingerprint(in text: String) -> String? {
        for line in text.split(separator: "\n").reversed() {
            let digits = line.filter { $0 != " " }.suffix(40)
            if digits.count == 40, digits.allSatisfy({ $0.isHexDigit && $0.isASCII }) { return digits.uppercased() }
        }
        return nil
    }
}
