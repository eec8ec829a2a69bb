internal import Ambience
internal import Bytes
internal import Sealing

extension RouterDescriptor {
    /// Writes and signs a descriptor and its extra-info document, line by line in stock's order (dir-spec.txt 2.1.1).
    ///
    /// What was written is parsed back, so that nothing leaves the house which an authority would refuse: it throws when
    /// `content` cannot be said in a descriptor, for example an illegal nickname.
    package static func make(_ content: DescriptorContent, keys: RelayKeys) throws(DocumentError) -> (descriptor: RouterDescriptor, extraInfo: ExtraInfo) {
        let extraInfo = try ExtraInfo.make(content, keys: keys)
        let body = opening(content, keys, extraInfo) + keyLines(content, keys) + closing(content, keys)
        return (try RouterDescriptor(RelaySignatures.sign(body, keys: keys)), extraInfo)
    }

    private static func opening(_ content: DescriptorContent, _ keys: RelayKeys, _ extraInfo: ExtraInfo) -> String {
        var text = "router \(content.nickname) \(content.address) \(content.orPort) 0 \(content.dirPort)\n"
        text += identityLines(keys)
        text += "master-key-ed25519 \(keys.ed25519Identity)\n"
        if let ipv6 = content.ipv6 { text += "or-address \(ipv6)\n" }
        text += "platform \(content.platform)\nproto \(content.protocols)\npublished \(content.published)\n"
        text += "fingerprint \(grouped(Hex.upper(keys.rsaIdentity.publicKey.fingerprint)))\nuptime \(content.uptimeSeconds)\n"
        text += "bandwidth \(content.bandwidth.rate) \(content.bandwidth.burst) \(content.bandwidth.observed)\n"
        text += "extra-info-digest \(extraInfo.sha1.hex) \(Base64.encode(extraInfo.sha256, padded: false))\n"
        if content.cachesExtraInfo { text += "caches-extra-info\n" }
        return text
    }

    private static func keyLines(_ content: DescriptorContent, _ keys: RelayKeys) -> String {
        let rsa = keys.rsaIdentity.publicKey
        let tapCross = keys.onionKey.sign(DescriptorKeys.crossDigest(rsa, keys.ed25519Identity))
        let ntorSigner = Ed25519Key(fromCurve25519: keys.ntorKey)
        let ntorCross = TorCertificate.make(
            kind: TorCertificate.Kind.ntorOnionKey, subject: keys.ed25519Identity.bytes, expires: content.published + content.ntorKeyLifetimeSeconds,
            signer: ntorSigner, includeSigner: false)
        return "onion-key\n" + DocumentText.object("RSA PUBLIC KEY", keys.onionKey.publicKey.der)
            + "signing-key\n" + DocumentText.object("RSA PUBLIC KEY", rsa.der)
            + "onion-key-crosscert\n" + DocumentText.object("CROSSCERT", tapCross)
            + "ntor-onion-key-crosscert \(ntorSigner.signBit)\n" + DocumentText.object("ED25519 CERT", ntorCross.encoded)
    }

    private static func closing(_ content: DescriptorContent, _ keys: RelayKeys) -> String {
        var text = content.family.isEmpty ? "" : "family \(content.family.joined(separator: " "))\n"
        if content.isHibernating { text += "hibernating 1\n" }
        if let overload = content.overload { text += overload + "\n" }
        if content.isHiddenServiceDirectory { text += "hidden-service-dir\n" }
        text += RelayFamily.certificateLines(keys, published: content.published)
        if let contact = content.contact { text += "contact \(contact)\n" }
        if let way = content.bridgeDistribution { text += "bridge-distribution-request \(way)\n" }
        text += "ntor-onion-key \(Base64.encode(keys.ntorKey.publicKey, padded: false))\n"
        for line in content.policy.descriptorLines { text += line + "\n" }
        if !content.policy.isRejectAll(isIPv4: false) { text += "ipv6-policy \(content.policy.summary(isIPv4: false))\n" }
        if content.isTunnelledDirectory { text += "tunnelled-dir-server\n" }
        if let key = content.market { text += "dust-market \(Hex.lower(key))\n" }
        if let mix = content.mix { text += "dust-mix \(mix)\n" }
        if let expires = content.expires { text += "dust-expires \(expires)\n" }
        return text
    }

    /// The certificate of the signing key, as both documents begin.
    static func identityLines(_ keys: RelayKeys) -> String { "identity-ed25519\n" + DocumentText.object("ED25519 CERT", keys.signingCertificate.encoded) }

    /// Groups of four digits.
    private static func grouped(_ hex: String) -> String {
        let digits = Array(hex.utf8)
        return stride(from: 0, to: digits.count, by: 4).map { String(decoding: digits[$0..<min($0 + 4, digits.count)], as: UTF8.self) }.joined(separator: " ")
    }
}

extension ExtraInfo {
    /// Writes and signs the extra-info document that goes with a descriptor of the same content.
    static func make(_ content: DescriptorContent, keys: RelayKeys) throws(DocumentError) -> ExtraInfo {
        var body = "extra-info \(content.nickname) \(Hex.upper(keys.rsaIdentity.publicKey.fingerprint))\n"
        body += RouterDescriptor.identityLines(keys)
        body += "published \(content.published)\n"
        for line in content.statistics { body += line + "\n" }
        return try ExtraInfo(RelaySignatures.sign(body, keys: keys))
    }
}
