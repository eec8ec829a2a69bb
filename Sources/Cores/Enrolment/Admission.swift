package import Ambience
internal import Bytes
package import Leasing
internal import Sealing

/// What a coordinator keeps of a mote that may enrol, or has: never the secret, only its hash.
package struct Admission: Equatable, Sendable {
    package let key: MoteKey
    /// Which start of the mote this is for. A new start has a new secret, and the machine of the old one is refused.
    package let attempt: Int
    /// SHA-256 of the secret. It needs no salt and no stretching, for the secret has 256 random bits.
    package let secretHash: [UInt8]
    /// The end of the lease, or an earlier one.
    package internal(set) var expires: WallTime
    package internal(set) var wanted: StandingOrder.Wanted
    /// The mote's configuration; `Self.addressMark` in it stands for the address at which the mote is reached.
    package let torrc: String
    /// The mote's own address; `nil` where it is the one from which the mote calls.
    package let address: IPAddress?
    /// Set by the first who came with the secret, never changed.
    package internal(set) var enrolled: Enrolled?

    package static let addressMark = "{address}"

    package struct Enrolled: Equatable, Sendable {
        package let at: WallTime
        /// SHA-256 of the public key of the mote's certificate.
        package let certificateKey: [UInt8]
        /// Where it called from.
        package let peer: IPAddress
        package let evidence: Evidence
        /// Set once.
        package internal(set) var names: RelayNames?
    }

    package init(key: MoteKey, attempt: Int, secretHash: [UInt8], expires: WallTime, torrc: String, address: IPAddress?) {
        precondition(torrc.utf8.count <= CoordinatorMessage.torrcLimitBytes, "a torrc fits a message")
        self.key = key
        self.attempt = attempt
        self.secretHash = secretHash
        self.expires = expires
        wanted = .nothing
        self.torrc = torrc
        self.address = address
    }

    var standing: StandingOrder { StandingOrder(wanted, expires: expires) }

    func welcome(calling peer: IPAddress) -> CoordinatorMessage.Welcome {
        let parts = torrc.split(separator: Self.addressMark, omittingEmptySubsequences: false)
        return CoordinatorMessage.Welcome(torrc: parts.joined(separator: "\(address ?? peer)"), expires: expires)
    }
}

// MARK: The record

extension Admission {
    /// The durable form.
    package var record: String {
        var lines = [
            "Mote \(key)", "Attempt \(attempt)", "SecretHash \(Hex.lower(secretHash))", "Expires \(expires.rfc3339)", "Wanted \(wanted.rawValue)",
            "Torrc \(Base64.encode(Array(torrc.utf8) + [0x0A]))",
        ]
        if let address { lines.append("Address \(address)") }
        guard let enrolled else { return lines.joined(separator: "\n") + "\n" }
        lines += ["Enrolled \(enrolled.at.rfc3339)", "CertificateKey \(Hex.lower(enrolled.certificateKey))", "Peer \(enrolled.peer)"]
        if let names = enrolled.names { lines.append("Relay \(Hex.lower(names.rsa + names.ed25519))") }
        lines += enrolled.evidence.items.map { "Evidence \($0.name) \(Base64.encode($0.value + [0x0A]))" }
        return lines.joined(separator: "\n") + "\n"
    }

    private static let names: Set<String> = [
        "Mote", "Attempt", "SecretHash", "Expires", "Wanted", "Torrc", "Address", "Enrolled", "CertificateKey", "Peer", "Relay",
    ]

    package init(record: [UInt8]) throws(OrderFault) {
        var evidence = Evidence()
        let lines = try NamedLines(record[...], names: Self.names, many: ["Evidence"]) { name, value throws(OrderFault) in
            let parts = String(decoding: value, as: UTF8.self).split(separator: " ")
            guard parts.count == 2, let bytes = Self.ended(parts[1]), evidence.add(String(parts[0]), bytes) else {
                throw OrderFault(name: name, expected: "a name and base 64")
            }
        }
        key = try lines.required("Mote", "32 lower-case hex digits") { MoteKey($0) }
        attempt = try lines.required("Attempt", "a number") { Int($0) }
        secretHash = try lines.required("SecretHash", "64 hex digits") { Hex.decode($0).flatMap { $0.count == 32 ? $0 : nil } }
        expires = try lines.required("Expires", "a time") { WallTime($0) }
        wanted = try lines.required("Wanted", "0, 1 or 2") { UInt8($0).flatMap { StandingOrder.Wanted(rawValue: $0) } }
        torrc = try lines.required("Torrc", "base 64") { Self.ended($0).flatMap { $0.count <= CoordinatorMessage.torrcLimitBytes ? String(validating: $0, as: UTF8.self) : nil } }
        address = try lines.optional("Address", "an IP address") { IPAddress($0) }
        enrolled = try Self.enrolled(lines, evidence)
    }

    private static func enrolled(_ lines: NamedLines, _ evidence: Evidence) throws(OrderFault) -> Enrolled? {
        guard let at = try lines.optional("Enrolled", "a time", { WallTime($0) }) else { return nil }
        let key = try lines.required("CertificateKey", "64 hex digits") { Hex.decode($0).flatMap { $0.count == 32 ? $0 : nil } }
        let peer = try lines.required("Peer", "an IP address") { IPAddress($0) }
        let names = try lines.optional("Relay", "104 hex digits") { text in
            Hex.decode(text).flatMap { RelayNames(rsa: Array($0.prefix(20)), ed25519: Array($0.dropFirst(20))) }
        }
        return Enrolled(at: at, certificateKey: key, peer: peer, evidence: evidence, names: names)
    }

    /// What is between has an end mark, for an empty value would be no value.
    private static func ended(_ text: some StringProtocol) -> [UInt8]? {
        guard var bytes = Base64.decode(text), bytes.popLast() == 0x0A else { return nil }
        bytes.reserveCapacity(bytes.count)
        return bytes
    }
}
