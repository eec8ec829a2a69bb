internal import Bytes

extension Microdescriptor {
    /// Consensus methods that we can make microdescriptors for.
    package static let methods = 32...35
    private static let familyIDsMethod = 35

    /// The microdescriptor that consensus method `method` makes of a descriptor; `nil` without a TAP onion key or for another method.
    package static func make(from descriptor: RouterDescriptor, method: Int) -> Microdescriptor? {
        guard methods.contains(method), let onionKey = descriptor.onionKey else { return nil }
        var text = "onion-key\n" + DocumentText.object("RSA PUBLIC KEY", onionKey)
        text += "ntor-onion-key \(Base64.encode(descriptor.ntorKey, padded: false))\n"
        if !descriptor.family.isEmpty { text += "family \(RelayFamily.canonical(descriptor.family, own: descriptor.rsa))\n" }
        if method >= familyIDsMethod, !descriptor.familyIDs.isEmpty { text += "family-ids \(Set(descriptor.familyIDs).sorted().joined(separator: " "))\n" }
        let policy = descriptor.policy.summary()
        if policy != .rejectAll { text += "p \(policy)\n" }
        if let ipv6 = descriptor.ipv6Policy, ipv6 != .rejectAll { text += "p6 \(ipv6)\n" }
        text += "id ed25519 \(descriptor.ed25519)\n"
        return try? Microdescriptor(Array(text.utf8))
    }
}
