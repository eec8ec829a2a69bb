package import Sealing

/// Whom a relay names as run by the same people: `family` and `family-ids` of a microdescriptor (dir-spec 3.3, proposal 321).
package struct RelayFamily: Hashable, Sendable {
    /// Upper-case fingerprints and lower-case nicknames.
    private let members: Set<String>
    private let keys: Set<String>

    /// `members` as on the family line: `$FP`, `$FP=nick`, `$FP~nick` or `nick`.
    package init(members: some Sequence<String> = [], keys: some Sequence<String> = []) {
        self.members = Set(members.compactMap(Self.normal))
        self.keys = Set(keys)
    }

    /// Whether this family line names the relay.
    package func names(_ identity: RSAIdentity, _ nickname: String) -> Bool {
        !members.isEmpty && (members.contains(identity.description) || members.contains(nickname.lowercased()))
    }

    package func sharesKey(with other: RelayFamily) -> Bool { !keys.isDisjoint(with: other.keys) }

    private static func normal(_ member: String) -> String? {
        guard member.hasPrefix("$") else { return member.lowercased() }
        return RSAIdentity(hex: member.dropFirst().prefix(40))?.description
    }
}
