package import Ambience
package import Sealing

/// Relays that a configuration names, as `EntryNodes`, `ExcludeNodes` and their like do.
package struct RelaySet: Hashable, Sendable {
    /// One item that is neither nickname, fingerprint, address pattern nor `*`.
    package struct Failure: Error, Hashable { package let item: String }

    private var identities: Set<RSAIdentity> = []
    private var nicknames: Set<String> = []
    private var networks: [Network] = []
    private var isEverything = false

    fileprivate struct Network: Hashable, Sendable {
        let ip: IPAddress
        let bits: Int
    }

    /// Nobody.
    package init() {}

    /// Comma-separated nicknames, fingerprints (`$FP`, `FP`, `$FP=nick`, `$FP~nick`), addresses with an optional `/bits`, or `*`.
    /// Country codes (`{de}`) are refused: there is no map of them here.
    package init(_ text: some StringProtocol) throws(Failure) {
        for item in text.split(whereSeparator: { $0 == "," || $0 == " " || $0 == "\t" }) { try insert(String(item)) }
    }

    /// The same from parts that somebody else has read. Nicknames in any case; a network is an address and its leading bits that count.
    package init(isEverything: Bool = false, identities: Set<RSAIdentity> = [], nicknames: Set<String> = [], networks: [(ip: IPAddress, bits: Int)] = []) {
        self.isEverything = isEverything
        self.identities = identities
        self.nicknames = Set(nicknames.map { $0.lowercased() })
        self.networks = networks.map { Network(ip: $0.ip, bits: $0.bits) }
    }

    package var isEmpty: Bool { identities.isEmpty && nicknames.isEmpty && networks.isEmpty && !isEverything }

    package func contains(_ relay: PathRelay) -> Bool {
        isEverything || identities.contains(relay.identity) || nicknames.contains(relay.nickname.lowercased())
            || networks.contains { network in relay.addresses.contains { network.contains($0.ip) } }
    }

    private mutating func insert(_ item: String) throws(Failure) {
        if item == "*" {
            isEverything = true
        } else if let identity = Self.fingerprint(item) {
            identities.insert(identity)
        } else if let network = Self.network(item) {
            networks.append(network)
        } else if (1...19).contains(item.utf8.count), item.utf8.allSatisfy(Self.isAlphanumeric) {
            nicknames.insert(item.lowercased())
        } else {
            throw Failure(item: item)
        }
    }

    private static func fingerprint(_ item: String) -> RSAIdentity? {
        let bare = item.hasPrefix("$") ? item.dropFirst() : item[...]
        guard bare.utf8.count == 40 || bare.dropFirst(40).first == "=" || bare.dropFirst(40).first == "~" else { return nil }
        return RSAIdentity(hex: bare.prefix(40))
    }

    private static func network(_ item: String) -> Network? {
        let parts = item.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        var host = parts[0]
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        guard let ip = IPAddress(host) else { return nil }
        let limit = ip.isIPv4 ? 32 : 128
        guard let bits = parts.count == 2 ? Int(parts[1]) : limit, (0...limit).contains(bits) else { return nil }
        return Network(ip: ip, bits: bits)
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: false
        }
    }
}

extension RelaySet.Network {
    fileprivate func contains(_ other: IPAddress) -> Bool { ip.sharesPrefix(of: bits, with: other) }
}

extension IPAddress {
    /// Whether the first `bits` of both are equal; never for addresses of different kinds.
    func sharesPrefix(of bits: Int, with other: IPAddress) -> Bool {
        // A shift by the whole width or more leaves nothing in Swift, so 0 bits need no case of their own.
        switch (self, other) {
        case (.v4(let a), .v4(let b)): (a ^ b) >> (32 - bits) == 0
        case (.v6(let high, let low), .v6(let otherHigh, let otherLow)):
            (high ^ otherHigh) >> max(0, 64 - bits) == 0 && (bits <= 64 || (low ^ otherLow) >> (128 - bits) == 0)
        default: false
        }
    }
}
