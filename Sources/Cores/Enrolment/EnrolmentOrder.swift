package import Ambience
internal import Bytes
package import Leasing
package import Sealing

/// What a new machine is given so that it can become a mote of this cloud and of no other: where the coordinator is, by which key it is known,
/// and a secret that is worth something once.
///
/// It travels where a provider lets its customers leave a note for a machine: QEMU's fw_cfg file `opt/dustcloud/order`, or user data. Whoever
/// reads it before the machine does can enrol in its place; so it is bound to one mote, is used up by the first who comes, and says nothing
/// about the mote's keys, which are made inside.
package struct EnrolmentOrder: Sendable {
    package static let secretBytes = 32
    package static let pinBytes = 32
    /// What an order may have in bytes; user data of the providers has room for 16 KiB.
    package static let textLimitBytes = 4096

    package let coordinator: SocketAddress
    /// SHA-256 of the public key (SubjectPublicKeyInfo, DER) of the coordinator's certificate.
    package let pin: [UInt8]
    package let mote: MoteKey
    package let secret: SecretBytes
    /// The end of the lease: what is started later is started for nothing.
    package let expires: WallTime
    /// For machines in a network without DHCP.
    package let network: StaticNetwork?

    package struct StaticNetwork: Equatable, Sendable {
        package let address: IPAddress
        /// 0 to 32, or to 128 for IPv6.
        package let prefixBits: Int
        package let gateway: IPAddress?
        package let nameserver: IPAddress?

        package init(address: IPAddress, prefixBits: Int, gateway: IPAddress? = nil, nameserver: IPAddress? = nil) {
            self.address = address
            self.prefixBits = prefixBits
            self.gateway = gateway
            self.nameserver = nameserver
        }
    }

    package init(coordinator: SocketAddress, pin: [UInt8], mote: MoteKey, secret: SecretBytes, expires: WallTime, network: StaticNetwork? = nil) {
        precondition(pin.count == Self.pinBytes && secret.count == Self.secretBytes, "a pin and a secret of 32 bytes")
        self.coordinator = coordinator
        self.pin = pin
        self.mote = mote
        self.secret = secret
        self.expires = expires
        self.network = network
    }
}

extension EnrolmentOrder {
    /// What is left of an order once its secret is used up: where the coordinator is, by which key it is known, and who calls.
    package struct Contact: Equatable, Sendable {
        package let coordinator: SocketAddress
        package let pin: [UInt8]
        package let mote: MoteKey
    }

    package var contact: Contact { Contact(coordinator: coordinator, pin: pin, mote: mote) }

    private static let names: Set<String> = ["Coordinator", "CoordinatorPin", "Mote", "Secret", "Expires", "Address", "Gateway", "Nameserver"]

    /// Reads the text; the caller wipes `text`, which holds the secret.
    package init(text: [UInt8]) throws(OrderFault) {
        guard text.count <= Self.textLimitBytes else { throw OrderFault(name: nil, expected: "at most \(Self.textLimitBytes) bytes") }
        let lines = try NamedLines(text[...], names: Self.names)
        coordinator = try lines.required("Coordinator", "IP:PORT") { SocketAddress($0).flatMap { $0.port > 0 ? $0 : nil } }
        mote = try lines.required("Mote", "32 lower-case hex digits") { MoteKey($0) }
        expires = try lines.required("Expires", "a time such as 2027-01-31T12:00:00Z") { WallTime($0) }
        guard let pin = lines.bytes("CoordinatorPin").flatMap({ NamedLines.hexBytes($0, count: Self.pinBytes) }) else {
            throw OrderFault(name: "CoordinatorPin", expected: "64 hex digits")
        }
        guard var secret = lines.bytes("Secret").flatMap({ NamedLines.hexBytes($0, count: Self.secretBytes) }) else {
            throw OrderFault(name: "Secret", expected: "64 hex digits")
        }
        defer { secret.wipe() }
        self.pin = pin
        self.secret = SecretBytes(secret)
        network = try Self.network(lines)
    }

    static func network(_ lines: NamedLines) throws(OrderFault) -> StaticNetwork? {
        let own = try lines.optional("Address", "IP/PREFIX") { text -> (IPAddress, Int)? in
            let parts = text.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count == 2, let ip = IPAddress(parts[0]), let bits = Int(parts[1]), (0...(ip.isIPv4 ? 32 : 128)).contains(bits) else { return nil }
            return (ip, bits)
        }
        let gateway = try lines.optional("Gateway", "an IP address") { IPAddress($0) }
        let nameserver = try lines.optional("Nameserver", "an IP address") { IPAddress($0) }
        guard let own else {
            guard gateway == nil, nameserver == nil else { throw OrderFault(name: "Address", expected: "is missing: a gateway or name server is of no use without it") }
            return nil
        }
        return StaticNetwork(address: own.0, prefixBits: own.1, gateway: gateway, nameserver: nameserver)
    }

    /// The text to leave for the machine. It holds the secret: for that note only, never for a log, a flag or a tag.
    package var text: String {
        var secret = secret.copy
        defer { secret.wipe() }
        var lines = [
            "Coordinator \(coordinator)", "CoordinatorPin \(Hex.lower(pin))", "Mote \(mote)", "Secret \(Hex.lower(secret))", "Expires \(expires.rfc3339)",
        ]
        if let network {
            lines.append("Address \(network.address)/\(network.prefixBits)")
            if let gateway = network.gateway { lines.append("Gateway \(gateway)") }
            if let nameserver = network.nameserver { lines.append("Nameserver \(nameserver)") }
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
