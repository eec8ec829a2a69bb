package import Sealing

/// Whom a relay names as run by the same people: `family` and `family-ids` of a microdescriptor (dir-spec 3.3, proposal 321).
package struct RelayFamily: Hashable, Sendable {
    private var identities: Set<RSAIdentity> = []
    /// Lower case.
    private var nicknames: Set<String> = []
    private let keys: Set<String>

    /// `members` as on the family line: `$FP`, `$FP=nick`, `$FP~nick` or `nick`.
    package init(members: some Sequence<String> = [], keys: some Sequence<String> = []) {
        self.keys = Set(keys)
        for member in members {
            if !member.hasPrefix("$") {
                nicknames.insert(member.lowercased())
            } else if let identity = RSAIdentity(hex: member.dropFirst().prefix(40)) {
                identities.insert(identity)
            }
        }
    }

    /// Whether this family line names the relay.
    package func names(_ identity: RSAIdentity, _ nickname: String) -> Bool {
        identities.contains(identity) || !nicknames.isEmpty && nicknames.contains(nickname.lowercased())
    }

    package func sharesKey(with other: RelayFamily) -> Bool { !keys.isEmpty && !keys.isDisjoint(with: other.keys) }
}
